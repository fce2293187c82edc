/** Which session a request belongs to, and which of its messages are new there. */
import type { IncomingHttpHeaders } from "node:http";
import { type Field, isAbsent, isRecord, member, refused, text } from "./fields.ts";

/** The contract's pattern of ids. */
export const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

const HEADER = "x-session-id";

/**
 * The header, else metadata.session_id, else user; the first that is there counts, and an empty one
 * says: none. Empty = stateless.
 */
export function sessionIdOf(body: Field, headers: IncomingHttpHeaders): string {
  const header = { value: headers[HEADER], path: HEADER };
  const metadata = member(body, "metadata");
  const labels = isRecord(metadata.value) ? [member(metadata, "session_id")] : [];
  const named = [header, ...labels, member(body, "user")].find((field) => !isAbsent(field));
  if (!named) return "";
  const id = text(named);
  if (id !== "" && !ID.test(id)) {
    throw refused(
      named,
      "names the session: a letter or digit, then letters, digits, '.', '_' and '-', 128 in all",
    );
  }
  return id;
}

/**
 * The client sends its whole conversation each time, and a session has it already: what follows the
 * last answer is new.
 */
export function newMessages(messages: Field): Field[] {
  const all = Array.isArray(messages.value) ? messages.value : [];
  const answered = all.findLastIndex(isAnswer);
  return all
    .map((value: unknown, index) => ({ value, path: `${messages.path}[${index}]` }))
    .slice(answered + 1);
}

function isAnswer(message: unknown): boolean {
  return isRecord(message) && message.role === "assistant";
}
