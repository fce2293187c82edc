/** Replies of scripts, narrowed. What does not fit is a fault of ours, not of a caller. */
import { AgentlaneError } from "../errors.ts";

export function list(reply: unknown): readonly unknown[] {
  if (Array.isArray(reply)) return reply;
  throw unexpected(reply);
}

export function bytes(reply: unknown): Buffer {
  if (Buffer.isBuffer(reply)) return reply;
  throw unexpected(reply);
}

/** Empty for nil. */
export function optionalBytes(reply: unknown): Buffer {
  return reply === null || reply === undefined ? Buffer.alloc(0) : bytes(reply);
}

export function text(reply: unknown): string {
  return bytes(reply).toString();
}

/** An integer reply, or a number as text. */
export function number(reply: unknown): number {
  const value = typeof reply === "number" ? reply : Number(text(reply));
  if (Number.isFinite(value)) return value;
  throw unexpected(reply);
}

function unexpected(reply: unknown): AgentlaneError {
  return new AgentlaneError("internal", "REDIS_REPLY", `Redis answered a ${typeof reply}`);
}
