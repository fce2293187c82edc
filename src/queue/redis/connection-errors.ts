/** What the driver and the server say, in the words of the domain. */
import { AgentlaneError } from "../../errors.ts";

const RETRY_AFTER_MS = 1000;

/** Replies that say "not now" or "not for you", and what a user can do about them. */
const SERVER_STATES: Readonly<Record<string, string>> = {
  LOADING: "Redis is loading its data; it will be ready soon",
  READONLY: "Redis is a read-only replica; REDIS_URL must name the primary",
  MASTERDOWN: "Redis is a replica that has lost its primary",
  OOM: "Redis has reached maxmemory and takes no more writes",
  MISCONF: "Redis refuses writes because it cannot save to disk",
  BUSY: "Redis is busy with a script",
  NOREPLICAS: "Redis has too few replicas to take writes",
  CLUSTERDOWN: "the Redis cluster is down",
  NOAUTH: "Redis wants a password; put it into REDIS_URL, as in redis://:password@host:6379",
  WRONGPASS: "Redis refuses the user name or password of REDIS_URL",
  NOPERM: "the Redis user of REDIS_URL may not run the commands that the queue needs",
};

export function unreachable(url: string, cause: Error | undefined): AgentlaneError {
  const why = cause?.message ? `: ${cause.message}` : "";
  return unavailable("REDIS_UNREACHABLE", `Redis at ${hostOf(url)} does not answer${why}`, cause);
}

/**
 * The driver's errors carry the command with its arguments, and so does the server's word on one it
 * does not know: doorbells, notices with prompts, the password. Neither logs nor causes may have them.
 */
export function withoutCommand(reported: Error): Error {
  if (reported instanceof AgentlaneError) return reported;
  const error = new Error(reported.message.replace(/, with args beginning with:.*$/s, ""));
  error.name = reported.name;
  return error;
}

export function replyFailed(reported: Error, url: string): AgentlaneError {
  if (reported instanceof AgentlaneError) return reported;
  const error = withoutCommand(reported);
  if (error.name !== "ReplyError") return unreachable(url, error);
  const code = error.message.split(" ", 1)[0] ?? "";
  if (code === "NOSCRIPT") {
    return new AgentlaneError("internal", "REDIS_NOSCRIPT", error.message, { cause: error });
  }
  const state = SERVER_STATES[code];
  if (state) return unavailable(`REDIS_${code}`, state, error);
  return new AgentlaneError("internal", "REDIS_REPLY", `Redis: ${error.message}`, { cause: error });
}

export function connectFailed(error: unknown, url: string): AgentlaneError {
  const cause = error instanceof Error ? error : new Error(String(error));
  const failure = replyFailed(cause, url);
  return failure.kind === "internal" ? unreachable(url, cause) : failure;
}

function unavailable(reason: string, message: string, cause: Error | undefined): AgentlaneError {
  return new AgentlaneError("unavailable", reason, message, {
    retryAfterMs: RETRY_AFTER_MS,
    cause,
  });
}

/** Never the password. */
function hostOf(url: string): string {
  return URL.parse(url)?.host ?? "REDIS_URL";
}
