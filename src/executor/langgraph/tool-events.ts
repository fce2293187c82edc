/** What LangChain's callbacks say of a tool call. */
import "./environment.ts";
import type { JsonObject } from "@bufbuild/protobuf";
import type { Serialized } from "@langchain/core/load/serializable";
import { isRecord, property, toJsonObject } from "./json.ts";

export function toolNameOf(tool: Serialized, runName: string | undefined): string {
  if (runName) return runName;
  const name = property(tool, "name");
  return typeof name === "string" && name ? name : (tool.id.at(-1) ?? "tool");
}

/** LangChain hands the arguments over as text. */
export function toolArgumentsOf(input: string): JsonObject {
  try {
    const parsed: unknown = JSON.parse(input);
    if (isRecord(parsed)) return toJsonObject(parsed);
  } catch {
    // Tools of one string argument are called with plain text.
  }
  return { input };
}
