/** What SQLite reports, in the words of the domain. */
import { AgentlaneError } from "../../errors.ts";

/** A hint for clients, not a promise. */
const RETRY_AFTER_MS = 1000;

export function unavailable(message: string, cause?: unknown): AgentlaneError {
  return new AgentlaneError("unavailable", "SQLITE_UNAVAILABLE", message, {
    retryAfterMs: RETRY_AFTER_MS,
    cause,
  });
}

export function misconfigured(reason: string, message: string, cause?: unknown): AgentlaneError {
  return new AgentlaneError("failed_precondition", reason, message, { cause });
}

export function inUse(path: string, cause?: unknown): AgentlaneError {
  return misconfigured(
    "SQLITE_IN_USE",
    `${path} belongs to another running process, and a SQLite store has one owner; stop that process, or name another file in STORE_URL`,
    cause,
  );
}

/** https://sqlite.org/rescode.html; extended codes carry the primary one in their low byte. */
const CODE = { BUSY: 5, LOCKED: 6, READONLY: 8, IOERR: 10, CORRUPT: 11, FULL: 13, CANTOPEN: 14 };
const NOTADB = 26;

/** Undefined for what is no error of SQLite. */
function primaryCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return undefined;
  return typeof error.errcode === "number" ? error.errcode & 0xff : undefined;
}

export function isBusy(error: unknown): boolean {
  const code = primaryCode(error);
  return code === CODE.BUSY || code === CODE.LOCKED;
}

/** Errors of the domain pass as they are. */
export function toAgentlaneError(error: unknown, path: string): unknown {
  switch (primaryCode(error)) {
    case undefined:
      return error;
    case CODE.FULL:
      return new AgentlaneError(
        "resource_exhausted",
        "SQLITE_FULL",
        `there is no room left for ${path}; free space on its disk, or shorten retention`,
        { retryAfterMs: RETRY_AFTER_MS, cause: error },
      );
    case CODE.BUSY:
    case CODE.LOCKED:
      return unavailable(`another program is writing to ${path}; let it finish`, error);
    case CODE.READONLY:
      return misconfigured(
        "SQLITE_READ_ONLY",
        `${path} cannot be written; check the permissions of the file and its folder, and how the disk is mounted`,
        error,
      );
    case CODE.CANTOPEN:
      return misconfigured(
        "SQLITE_CANNOT_OPEN",
        `${path} cannot be opened; its folder must exist, and this user must be allowed to write in it`,
        error,
      );
    case NOTADB:
      return misconfigured(
        "SQLITE_NOT_A_DATABASE",
        `${path} is not an SQLite database; name another file in STORE_URL`,
        error,
      );
    case CODE.CORRUPT:
      return misconfigured(
        "SQLITE_CORRUPT",
        `${path} is damaged; put a backup in its place, or save what can be read with the sqlite3 command .recover`,
        error,
      );
    case CODE.IOERR:
      return unavailable(`the disk that holds ${path} reported an error`, error);
    default:
      return new AgentlaneError("internal", "SQLITE_ERROR", "a statement failed inside SQLite", {
        cause: error,
      });
  }
}
