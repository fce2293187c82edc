/** An imported session passes what its messages would have passed as requests. */
import type { ExecutionContext } from "../../gen/agentlane/v1/session_pb.js";
import { invalidField } from "../errors.ts";
import { guardValue } from "./json-guard.ts";
import { guardMessages } from "./message-guard.ts";
import { guardTimestamp } from "./time-guard.ts";

/** Stores and their scripts count in doubles. */
const MAX_COUNT = BigInt(Number.MAX_SAFE_INTEGER);

/** Throws `invalid_argument` with a path such as `context.history[3].role`. */
export function guardContext(context: ExecutionContext): void {
  if (context.version < 1n || context.version > MAX_COUNT) {
    throw invalidField("context.version", `must be from 1 to ${MAX_COUNT}`);
  }
  if (context.trimmedMessageCount > MAX_COUNT) {
    throw invalidField("context.trimmed_message_count", `must be at most ${MAX_COUNT}`);
  }
  guardTimestamp("context.created_at", context.createdAt);
  guardTimestamp("context.updated_at", context.updatedAt);
  guardMessages("context.history", context.history);
  context.history.forEach(({ createdAt }, index) => {
    guardTimestamp(`context.history[${index}].created_at`, createdAt);
  });
  guardInterrupts(context);
}

function guardInterrupts({ interrupts }: ExecutionContext): void {
  const ids = new Set<string>();
  interrupts.forEach(({ id, value }, index) => {
    const field = `context.interrupts[${index}]`;
    if (ids.has(id)) throw invalidField(`${field}.id`, `"${id}" is used twice`);
    ids.add(id);
    if (value) guardValue(`${field}.value`, value);
  });
}
