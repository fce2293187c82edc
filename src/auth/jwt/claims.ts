/** From a token's claims to a principal. */
import type { JWTPayload } from "jose";
import type { Principal } from "../../tasks/principal.ts";
import { roleNamed } from "../roles.ts";

/** Names of claims: exact, or with dots the way into objects, e.g. realm_access.roles. */
export interface ClaimNames {
  readonly tenant: string;
  readonly subject: string;
  /** A list, or a text with spaces as `scope` is one; what is no role of ours is ignored. */
  readonly roles: string;
  /** A list, or a text with spaces; without the claim the principal may use all agents. */
  readonly agents: string;
}

const TENANT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;
const MAX_SUBJECT_CHARS = 256;
const MAX_AGENTS = 64;

/** Undefined = it lacks what a principal needs. `tenant` is that of tokens without the claim. */
export function principalOfClaims(
  payload: JWTPayload,
  names: ClaimNames,
  tenant: string | undefined,
): Principal | undefined {
  const claimed = claim(payload, names.tenant) ?? tenant;
  const subject = claim(payload, names.subject);
  const roles = words(claim(payload, names.roles));
  const agents = claim(payload, names.agents);
  const agentIds = agents === undefined ? undefined : words(agents);
  if (typeof claimed !== "string" || !TENANT.test(claimed)) return undefined;
  if (typeof subject !== "string" || subject === "") return undefined;
  // A list that cannot be read must not become "all".
  if (!roles || (agents !== undefined && !agentIds)) return undefined;
  if (agentIds && agentIds.length > MAX_AGENTS) return undefined;
  return {
    tenant: claimed,
    subject: `jwt:${subject.slice(0, MAX_SUBJECT_CHARS)}`,
    roles: new Set(roles.flatMap((name) => roleNamed(name) ?? [])),
    ...(agentIds && { agentIds: new Set(agentIds) }),
  };
}

/** Names of claims are often URLs, which have dots of their own: so the exact name goes first. */
function claim(payload: JWTPayload, name: string): unknown {
  if (Object.hasOwn(payload, name)) return payload[name];
  let value: unknown = payload;
  for (const part of name.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) {
      return undefined;
    }
    value = Object.entries(value).find(([key]) => key === part)?.[1];
  }
  return value;
}

/** Undefined for anything else; none where the claim is absent. */
function words(value: unknown): string[] | undefined {
  if (value === undefined) return [];
  if (typeof value === "string") return value.split(/\s+/).filter((word) => word !== "");
  if (!Array.isArray(value)) return undefined;
  const texts = value.filter((word: unknown) => typeof word === "string");
  return texts.length === value.length ? texts : undefined;
}
