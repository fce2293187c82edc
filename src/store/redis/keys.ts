/** Names inside Redis. Every key begins with the root, whose braces keep all of them in one slot. */
import { invalidField } from "../../errors.ts";
import { type SessionRef, sessionKey, type TaskRef } from "../contract.ts";

export const DEFAULT_PREFIX = "agentlane";

/** An installation's root key: several installations share a Redis by several prefixes. */
export function rootOf(prefix: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(prefix)) {
    throw invalidField(
      "REDIS_PREFIX",
      "must be 1 to 64 letters, digits, dots, dashes, underscores",
    );
  }
  return `{${prefix}}`;
}

/** Injective; what it returns holds no colon and nothing that sorts at or below a space. */
export function encodePart(part: string): string {
  if (/^[A-Za-z0-9._-]*$/.test(part)) return part;
  // All that sorts before "!": spaces and control characters.
  return part.replace(/[^!-\uffff]|[%:]/g, (character) => {
    return `%${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
}

export function decodePart(part: string): string {
  if (!part.includes("%")) return part;
  return part.replace(/%([0-9a-f]{2})/g, (_, code: string) => {
    return String.fromCharCode(Number.parseInt(code, 16));
  });
}

export function taskName({ tenant, taskId }: TaskRef): string {
  return `${encodePart(tenant)}:${encodePart(taskId)}`;
}

export function taskRefOf(name: string): TaskRef {
  const colon = name.indexOf(":");
  return { tenant: decodePart(name.slice(0, colon)), taskId: decodePart(name.slice(colon + 1)) };
}

export function keyName(tenant: string, idempotencyKey: string): string {
  return `${encodePart(tenant)}:${encodePart(idempotencyKey)}`;
}

export function sessionName({ tenant, agentId, sessionId }: SessionRef): string {
  return [tenant, agentId, sessionId].map(encodePart).join(":");
}

/** A tenant's instance as a worker holds it. */
export function heldName(tenant: string, key: string): string {
  return `${encodePart(tenant)} ${encodePart(key)}`;
}

/** Where the instances of an agent, or of one session, lie in the tenant's index. */
export function instanceRange(filter: { agentId?: string; sessionKey?: string }): {
  from: string;
  to: string;
} {
  if (filter.sessionKey) {
    const key = encodePart(filter.sessionKey);
    return { from: `[${key} `, to: `(${key}!` };
  }
  if (!filter.agentId) return { from: "-", to: "+" };
  const agent = encodePart(sessionKey({ agentId: filter.agentId, sessionId: "" }));
  // "$" follows "#", which ends the agent's id.
  return { from: `[${agent}`, to: `(${agent.slice(0, -1)}$` };
}
