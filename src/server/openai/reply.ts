/** Replies in one piece. */
import type { OutgoingHttpHeaders } from "node:http";
import { Code } from "@connectrpc/connect";
import type { HttpResponse } from "../connect-adapter.ts";
import { wireError } from "../error-codes.ts";
import type { ErrorReply } from "./errors.ts";

/** Throws for what exceeds the limit of a message. */
export function encoded(body: object, maxMessageBytes: number, taskId: string): string {
  const text = JSON.stringify(body);
  const byteLength = Buffer.byteLength(text);
  if (byteLength <= maxMessageBytes) return text;
  throw wireError({
    code: Code.ResourceExhausted,
    reason: "REPLY_TOO_LARGE",
    message: `the reply has ${byteLength} bytes, ${maxMessageBytes} are allowed: raise MAX_MESSAGE_BYTES`,
    metadata: taskId === "" ? {} : { task_id: taskId },
    mayRetry: false,
  });
}

export function sendJson(
  response: HttpResponse,
  status: number,
  text: string,
  headers: OutgoingHttpHeaders = {},
): void {
  if (response.headersSent || response.destroyed) return;
  response.statusCode = status;
  response.setHeader("content-type", "application/json");
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) response.setHeader(name, value);
  }
  response.end(text);
}

export function sendError(response: HttpResponse, { status, headers, error }: ErrorReply): void {
  sendJson(response, status, JSON.stringify({ error }), headers);
}
