/** Page tokens: opaque to clients, the same in all adapters. */
import { AgentlaneError } from "../errors.ts";

/** The prefix tells a token from any other text. */
const PREFIX = "p:";

export function writeToken(position: string): string {
  return Buffer.from(PREFIX + position).toString("base64url");
}

export function readToken(token: string): string {
  const text = Buffer.from(token, "base64url").toString();
  if (!text.startsWith(PREFIX) || writeToken(text.slice(PREFIX.length)) !== token) {
    throw unreadable();
  }
  return text.slice(PREFIX.length);
}

/** The token of an ordered list: the number of the last item shown. */
export function readOrder(token: string): number {
  const order = readToken(token);
  if (!/^\d{1,15}$/.test(order)) throw unreadable();
  return Number(order);
}

function unreadable(): AgentlaneError {
  return new AgentlaneError(
    "invalid_argument",
    "INVALID_PAGE_TOKEN",
    "the page token is not one that this list has handed out",
    {
      fieldViolations: [
        { field: "page_token", description: "use the next_page_token of the page before" },
      ],
    },
  );
}
