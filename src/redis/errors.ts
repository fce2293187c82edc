/** What Redis and its driver report, in the words of the domain. */
import { AgentlaneError, isKind } from "../errors.ts";

/** A hint for clients, not a promise. */
const RETRY_AFTER_MS = 500;

/** Replies that say "not now", and what an operator can do about them. */
const STATES: Readonly<Record<string, string>> = {
  LOADING: "Redis is loading its data; it will be ready soon",
  READONLY: "Redis is a read-only replica; REDIS_URL must name the primary",
  MASTERDOWN: "Redis is a replica that has lost its primary",
  MISCONF: "Redis refuses writes because it cannot save to disk",
  BUSY: "Redis is busy with a script or function",
  NOREPLICAS: "Redis has too few replicas to take writes",
  CLUSTERDOWN: "the Redis cluster is down",
  TRYAGAIN: "the Redis cluster is moving our keys to another node",
  MOVED: "the Redis cluster has moved our keys to another node; it is being looked up",
  ASK: "the Redis cluster is moving our keys to another node",
};

/** Replies that only another configuration helps against. */
const REFUSALS: Readonly<Record<string, string>> = {
  NOAUTH: "Redis wants a password; put it into REDIS_URL, as in redis://:password@host:6379",
  WRONGPASS: "Redis refuses the user name or the password in REDIS_URL",
  NOPERM: "the Redis user in REDIS_URL may not run the commands that are needed",
};

const NO_DATABASE = "Redis does not have the database that REDIS_URL names";

export function unavailable(why: string, cause?: unknown): AgentlaneError {
  return new AgentlaneError("unavailable", "REDIS_UNAVAILABLE", why, {
    retryAfterMs: RETRY_AFTER_MS,
    cause,
  });
}

export function misconfigured(message: string, cause?: unknown): AgentlaneError {
  return new AgentlaneError("failed_precondition", "REDIS_CONFIGURATION", message, { cause });
}

/** Redis still works on commands that were given up. */
export function behind(): AgentlaneError {
  return new AgentlaneError(
    "unavailable",
    "REDIS_BEHIND",
    "Redis is slower than it is asked, and works on what was asked before",
    { retryAfterMs: RETRY_AFTER_MS },
  );
}

/** While a process runs, what Redis refuses may be allowed again: callers keep what they have. */
export function refusedNow(error: unknown): never {
  if (!isKind(error, "failed_precondition")) throw error;
  throw unavailable(error.message, error.cause);
}

/** There is no connection. */
export function unreachable(url: string, cause: Error | undefined): AgentlaneError {
  if (cause instanceof AgentlaneError && cause.kind === "failed_precondition") return cause;
  const said =
    cause instanceof AgentlaneError && cause.cause instanceof Error ? cause.cause : cause;
  const why = said?.message ? `: ${said.message}` : "";
  return unavailable(`Redis at ${hostOf(url)} does not answer${why}`, cause);
}

export function codeOf(error: unknown): string {
  return /^[A-Z]+/.exec(messageOf(error))?.[0] ?? "";
}

export function isUnknownFunction(error: unknown): boolean {
  return messageOf(error) === "ERR Function not found";
}

export function isLoadedAlready(error: unknown): boolean {
  return error instanceof Error && /Library '.*' already exists/.test(messageOf(error.cause));
}

/** Also for the reasons why a connection did not come about. */
export function toAgentlaneError(error: unknown): AgentlaneError {
  if (error instanceof AgentlaneError) return error;
  const message = messageOf(error);
  const cause = withoutCommand(message);
  const code = codeOf(error);
  if (isUntrusted(error)) {
    const advice = "name its authority's file in NODE_EXTRA_CA_CERTS";
    return misconfigured(`the certificate of Redis is not trusted (${message}); ${advice}`, cause);
  }
  if (message.includes("maxmemory") || code === "OOM") return outOfMemory(cause);
  const state = STATES[code];
  if (state) return unavailable(state, cause);
  const isDenied = message.includes("can't run this command");
  const refusal = message.includes("DB index") ? NO_DATABASE : REFUSALS[isDenied ? "NOPERM" : code];
  if (refusal) return misconfigured(refusal, cause);
  return isScriptError(message) ? scriptFailed(cause) : lost(cause);
}

function outOfMemory(cause: unknown): AgentlaneError {
  return new AgentlaneError(
    "resource_exhausted",
    "REDIS_OUT_OF_MEMORY",
    "Redis has reached its maxmemory and accepts nothing new; raise maxmemory or shorten retention",
    { retryAfterMs: RETRY_AFTER_MS, cause },
  );
}

/** As Node names what is wrong with a certificate's chain. */
function isUntrusted(error: unknown): boolean {
  if (!(error instanceof Error) || !("code" in error)) return false;
  return /SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)/.test(String(error.code));
}

function isScriptError(message: string): boolean {
  return /^(ERR|WRONGTYPE|UNKILLABLE)\b|user_(script|function)/.test(message);
}

function scriptFailed(cause: Error): AgentlaneError {
  const message = `Redis: ${cause.message}`;
  return new AgentlaneError("internal", "REDIS_SCRIPT", message, { cause });
}

function lost(cause: unknown): AgentlaneError {
  return unavailable(
    "the connection to Redis was lost before it answered; whether the command took effect is unknown",
    cause,
  );
}

/**
 * The driver's errors carry the command with its arguments, prompts and passwords among them, and so
 * does the server's word on a command it does not know; neither logs nor causes may have them.
 */
function withoutCommand(message: string): Error {
  return new Error(message.replace(/, with args beginning with:.*$/s, ""));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Never the password. */
function hostOf(url: string): string {
  const { hostname, port } = new URL(url);
  return `${hostname}:${port || 6379}`;
}
