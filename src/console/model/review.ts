/** What LangChain's human-in-the-loop middleware asks, and the form of its answers. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isObject } from "./json-text.ts";

export interface ReviewAction {
  readonly name: string;
  readonly description: string;
  readonly args: JsonValue;
}

/** Undefined when it is another kind of question. */
export function actionsOf(value: JsonValue): readonly ReviewAction[] | undefined {
  const requests = isObject(value) ? value.actionRequests : undefined;
  if (!Array.isArray(requests) || requests.length === 0) return undefined;
  const actions = requests.map((request) => {
    if (!isObject(request) || typeof request.name !== "string") return undefined;
    const { name, description, args = request.arguments ?? {} } = request;
    return { name, description: typeof description === "string" ? description : "", args };
  });
  return actions.every((action) => action !== undefined) ? actions : undefined;
}

/** `rejected`: why; undefined = approved. */
export function decision(rejected: string | undefined): JsonObject {
  if (rejected === undefined) return { type: "approve" };
  return rejected === "" ? { type: "reject" } : { type: "reject", message: rejected };
}
