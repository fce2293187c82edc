/** What Redis and its driver report, in the words of the domain. */
import { AgentlaneError } from "../../errors.ts";

/** A hint for clients, not a promise. */
const RETRY_AFTER_MS = 500;

export function unavailable(why: string, cause?: unknown): AgentlaneError {
  return new AgentlaneError("unavailable", "REDIS_UNAVAILABLE", why, {
    retryAfterMs: RETRY_AFTER_MS,
    cause,
  });
}

export function misconfigured(message: string, cause?: unknown): AgentlaneError {
  return new AgentlaneError("failed_precondition", "REDIS_CONFIGURATION", message, { cause });
}

export function isNoScript(error: unknown): boolean {
  return messageOf(error).startsWith("NOSCRIPT");
}

/** Also for the reasons why a connection did not come about. */
export function toAgentlaneError(error: unknown): AgentlaneError {
  if (error instanceof AgentlaneError) return error;
  const message = messageOf(error);
  const cause = withoutCommand(message);
  const code = /^[A-Z]+/.exec(message)?.[0] ?? "";
  if (message.includes("maxmemory") || code === "OOM") return outOfMemory(cause);
  switch (code) {
    case "READONLY":
    case "LOADING":
    case "CLUSTERDOWN":
    case "MASTERDOWN":
    case "TRYAGAIN":
    case "BUSY":
    case "MISCONF":
    case "NOREPLICAS":
      return unavailable(`Redis takes no commands now: ${message}`, cause);
    case "MOVED":
    case "ASK":
      return misconfigured(
        "the server that REDIS_URL names is part of a Redis Cluster and does not hold our keys; " +
          "name the node that does",
        cause,
      );
    case "NOAUTH":
    case "WRONGPASS":
      return misconfigured(
        "Redis refused the credentials; check the user and the password in REDIS_URL",
        cause,
      );
    case "NOPERM":
      return misconfigured(`the user in REDIS_URL lacks permissions: ${message}`, cause);
    default:
      return isScriptError(message) ? scriptFailed(cause) : lost(cause);
  }
}

function outOfMemory(cause: unknown): AgentlaneError {
  return new AgentlaneError(
    "resource_exhausted",
    "REDIS_OUT_OF_MEMORY",
    "Redis has reached its maxmemory and accepts nothing new; raise maxmemory or shorten retention",
    { retryAfterMs: RETRY_AFTER_MS, cause },
  );
}

function isScriptError(message: string): boolean {
  return /^(ERR|WRONGTYPE|UNKILLABLE)\b|user_script/.test(message);
}

function scriptFailed(cause: unknown): AgentlaneError {
  return new AgentlaneError("internal", "REDIS_SCRIPT", "a script failed inside Redis", { cause });
}

function lost(cause: unknown): AgentlaneError {
  return unavailable(
    "the connection to Redis was lost before it answered; whether the command took effect is unknown",
    cause,
  );
}

/**
 * The driver's errors carry the command with its arguments, prompts among them, and so does the
 * server's word on a command it does not know; logs must not.
 */
function withoutCommand(message: string): Error {
  return new Error(message.replace(/, with args beginning with:.*$/s, ""));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
