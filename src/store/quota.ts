/** What a quota refuses, in the words and the order of all adapters. */
import { AgentlaneError } from "../errors.ts";
import type { Ending, Submission } from "./contract.ts";
import type { LimitName, Quota, TenantUsage } from "./tenant-contract.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** A hint for a tenant whose line is full, not a promise. */
const QUEUED_RETRY_MS = 1000;

/** Days of UTC since 1970. */
export function dayOf(nowMs: number): number {
  return Math.floor(nowMs / DAY_MS);
}

/** What the attempt's result has used. */
export function tokensOf(ending: Ending): number {
  return "result" in ending ? (ending.result.usage?.totalTokens ?? 0) : 0;
}

/** What an accept is about to change; functions are called only where a limit asks for it. */
export interface Change {
  readonly isNewSession: boolean;
  readonly sessionCount: (limit: number) => number;
  /** Queued tasks of the tenant that the submission is about to cancel. */
  readonly freedCount: () => number;
}

/** The first limit that an accept would exceed. */
export function exceeded(
  { limits, bytes }: Quota,
  usage: Pick<TenantUsage, "queuedCount" | "tokenCount" | "storedBytes">,
  { isNewSession, sessionCount, freedCount }: Change,
): LimitName | undefined {
  const { maxTokensPerDay, maxStoredBytes, maxLiveSessions, maxQueuedTasks } = limits;
  if (isOver(usage.tokenCount + 1, maxTokensPerDay)) return "tokensPerDay";
  if (isOver(usage.storedBytes + bytes, maxStoredBytes)) return "storedBytes";
  const asksForSessions = isNewSession && maxLiveSessions !== undefined;
  if (asksForSessions && sessionCount(maxLiveSessions) >= maxLiveSessions) return "liveSessions";
  if (!isOver(usage.queuedCount + 1, maxQueuedTasks)) return undefined;
  return isOver(usage.queuedCount + 1 - freedCount(), maxQueuedTasks) ? "queuedTasks" : undefined;
}

function isOver(count: number, limit: number | undefined): boolean {
  return limit !== undefined && count > limit;
}

const LIMIT_NAMES: readonly LimitName[] = [
  "queuedTasks",
  "liveSessions",
  "tokensPerDay",
  "storedBytes",
];

const REASONS: Readonly<Record<LimitName, string>> = {
  queuedTasks: "TENANT_QUEUED_TASKS",
  liveSessions: "TENANT_LIVE_SESSIONS",
  tokensPerDay: "TENANT_TOKENS_PER_DAY",
  storedBytes: "TENANT_STORED_BYTES",
};

/** Of a limit that a server has named. */
export function quotaRefused({ record, quota }: Submission, name: string, nowMs: number): Error {
  const known = LIMIT_NAMES.find((each) => each === name);
  if (!known || !quota) return new AgentlaneError("internal", "STORED_FORMAT", `no limit ${name}`);
  return quotaExceeded(record.tenant, known, quota, nowMs);
}

export function quotaExceeded(
  tenant: string,
  name: LimitName,
  { limits, bytes }: Quota,
  nowMs: number,
): AgentlaneError {
  return new AgentlaneError("resource_exhausted", REASONS[name], describe(), {
    ...waitFor(name, nowMs),
    quota: { tenant, description: describe() },
  });

  function describe(): string {
    switch (name) {
      case "queuedTasks":
        return `${limits.maxQueuedTasks} tasks of the tenant are queued, which is its limit; try again when some have started`;
      case "liveSessions":
        return `the tenant has ${limits.maxLiveSessions} sessions, which is its limit; destroy some, or go on with one`;
      case "tokensPerDay":
        return `the tenant has used its ${limits.maxTokensPerDay} tokens of the day, which ends at midnight UTC`;
      case "storedBytes":
        return `${bytes} bytes more would exceed the ${limits.maxStoredBytes} bytes that the tenant may store; destroy sessions, or wait for the retention`;
    }
  }
}

/** Sessions and bytes do not go by waiting. */
function waitFor(name: LimitName, nowMs: number): { retryAfterMs?: number; retryable?: boolean } {
  if (name === "queuedTasks") return { retryAfterMs: QUEUED_RETRY_MS };
  if (name === "tokensPerDay") return { retryAfterMs: (dayOf(nowMs) + 1) * DAY_MS - nowMs };
  return { retryable: false };
}
