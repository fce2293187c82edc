/** What PostgreSQL and its driver report, in the words of the domain. */
import { DatabaseError } from "pg";
import { AgentlaneError } from "../../errors.ts";

/** A hint for clients, not a promise. */
const RETRY_AFTER_MS = 500;
const COLLISION = "POSTGRES_COLLISION";

export function unavailable(why: string, cause?: unknown): AgentlaneError {
  return new AgentlaneError("unavailable", "POSTGRES_UNAVAILABLE", why, {
    retryAfterMs: RETRY_AFTER_MS,
    cause,
  });
}

export function misconfigured(message: string, cause?: unknown): AgentlaneError {
  return new AgentlaneError("failed_precondition", "POSTGRES_CONFIGURATION", message, { cause });
}

/**
 * Whether the statement has had no effect and may be run again at once: two that waited for each other,
 * or two that made the same thing. https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
export function isCollision(error: unknown): boolean {
  return ["40P01", "40001", "23505"].includes(codeOf(error));
}

/** Whether one of the operations in a statement may be to blame for its failure. None has had an effect. */
export function mayBeOfOne({ kind, reason }: AgentlaneError): boolean {
  return kind === "internal" || reason === COLLISION;
}

/** Also for the reasons why a connection did not come about. */
export function toAgentlaneError(error: unknown): AgentlaneError {
  if (error instanceof AgentlaneError) return error;
  const code = codeOf(error);
  const cause = withoutValues(error);
  switch (code) {
    case "28P01":
    case "28000":
      return misconfigured(
        "PostgreSQL refused the credentials; check the user and the password in STORE_URL, and pg_hba.conf",
        cause,
      );
    case "3D000":
      return misconfigured(
        "the database that STORE_URL names does not exist; create it with `createdb`",
        cause,
      );
    case "42501":
      return misconfigured(
        "the user in STORE_URL lacks permissions; docs/postgres.md says what to grant",
        cause,
      );
    case "42P01":
    case "42703":
    case "42883":
    case "3F000":
      return misconfigured(
        "the database has not the tables and functions of this release; run `agentlane migrate`",
        cause,
      );
    case "25006":
      return unavailable("STORE_URL names a server that only reads now: a standby", cause);
    case "53100":
    case "53200":
    case "53400":
      return outOfRoom(cause);
    case "40P01":
    case "40001":
    case "23505":
      return collided(cause);
    case "57014":
    case "55P03":
      return unavailable("PostgreSQL was too slow; the command has had no effect", cause);
    default:
      return isPassing(code) ? lost(cause) : failed(code, cause);
  }
}

/** No code: not from the server, so from the connection to it. 55000: the database takes nobody now. */
function isPassing(code: string): boolean {
  return code === "" || /^(08|40|53|57|58)/.test(code) || code === "55000";
}

function collided(cause: unknown): AgentlaneError {
  const message =
    "PostgreSQL has undone the command for another one at the same time; it has had no effect";
  return new AgentlaneError("unavailable", COLLISION, message, {
    retryAfterMs: RETRY_AFTER_MS,
    cause,
  });
}

function lost(cause: unknown): AgentlaneError {
  return unavailable(
    "there is no connection to PostgreSQL now, or it was lost before the answer; whether the command took effect is unknown",
    cause,
  );
}

function outOfRoom(cause: unknown): AgentlaneError {
  return new AgentlaneError(
    "resource_exhausted",
    "POSTGRES_OUT_OF_ROOM",
    "PostgreSQL has no disk or memory left and accepts nothing new; make room or shorten retention",
    { retryAfterMs: RETRY_AFTER_MS, cause },
  );
}

function failed(code: string, cause: unknown): AgentlaneError {
  const message = `a statement failed inside PostgreSQL (SQLSTATE ${code})`;
  return new AgentlaneError("internal", "POSTGRES_STATEMENT", message, { cause });
}

/** Of the server's errors only: a SQLSTATE. */
function codeOf(error: unknown): string {
  return error instanceof DatabaseError ? (error.code ?? "") : "";
}

/** The server's errors quote values, prompts among them; logs must not. */
function withoutValues(error: unknown): Error {
  if (error instanceof DatabaseError) {
    return new Error(`SQLSTATE ${error.code ?? "unknown"} from ${error.routine ?? "the server"}`);
  }
  return new Error(error instanceof Error ? error.message || error.name : String(error));
}
