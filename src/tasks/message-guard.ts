/** Messages from outside, of a request or of an imported session: the rules are the same for both. */
import { type Message, Role } from "../../gen/agentlane/v1/content_pb.js";
import { invalidField } from "../errors.ts";
import { guardJson, guardValue } from "./json-guard.ts";

/** Throws `invalid_argument` with the path of the first field that no message may have. */
export function guardMessages(field: string, messages: readonly Message[]): void {
  const ids = new Set<string>();
  messages.forEach((message, index) => {
    guardMessage(`${field}[${index}]`, message);
    if (message.id !== "" && ids.has(message.id)) {
      throw invalidField(`${field}[${index}].id`, `"${message.id}" is used twice`);
    }
    ids.add(message.id);
  });
}

function guardMessage(field: string, message: Message): void {
  if (message.role === Role.SYSTEM) {
    throw invalidField(
      `${field}.role`,
      "ROLE_SYSTEM is not accepted: instructions come from the agent's definition",
    );
  }
  message.content.forEach(({ part }, index) => {
    const partField = `${field}.content[${index}]`;
    if (part.case === "toolCall") {
      if (message.role !== Role.ASSISTANT) {
        throw invalidField(partField, "tool_call belongs into a ROLE_ASSISTANT message");
      }
      guardJson(`${partField}.tool_call.arguments`, part.value.arguments ?? {});
    }
    if (part.case === "toolResult" && message.role !== Role.TOOL) {
      throw invalidField(partField, "tool_result belongs into a ROLE_TOOL message");
    }
    if (part.case === "json") guardValue(`${partField}.json`, part.value);
  });
}
