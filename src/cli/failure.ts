/** What went wrong as the user and a script see it: one line, and an exit code. */
import { AgentlaneError as CallError, type CodeName } from "../../sdk/typescript/src/node.ts";
import { AgentlaneError } from "../errors.ts";
import type { Terminal } from "./terminal.ts";

/** Documented in docs/cli.md. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  unavailable: 4,
  denied: 5,
  interrupted: 130,
  terminated: 143,
} as const;

/** Where a code is not here: failed. */
const EXIT_BY_CODE: Partial<Readonly<Record<CodeName, number>>> = {
  INVALID_ARGUMENT: EXIT.usage,
  NOT_FOUND: EXIT.notFound,
  UNAVAILABLE: EXIT.unavailable,
  DEADLINE_EXCEEDED: EXIT.unavailable,
  RESOURCE_EXHAUSTED: EXIT.unavailable,
  UNAUTHENTICATED: EXIT.denied,
  PERMISSION_DENIED: EXIT.denied,
};

const USAGE = "USAGE";

/** The command line itself is wrong; `message` says what would be right. */
export function usageError(message: string): AgentlaneError {
  return new AgentlaneError("invalid_argument", USAGE, message);
}

export interface Failure {
  /** A name of google.rpc.Code. */
  readonly code: string;
  /** Stable, UPPER_SNAKE_CASE. */
  readonly reason: string;
  readonly message: string;
  /** What to do; "" where the message says it. */
  readonly hint: string;
  readonly exitCode: number;
  readonly taskId: string | undefined;
}

/** `url`: where the call went, for calls. */
export function failureOf(error: unknown, url?: string): Failure {
  if (error instanceof CallError) return ofCall(error, url);
  if (error instanceof AgentlaneError) return ofDomain(error);
  const known = { reason: "FAILED", hint: "", exitCode: EXIT.failed, taskId: undefined };
  if (!(error instanceof Error)) return { ...known, code: "UNKNOWN", message: String(error) };
  // The system's own words are enough: "listen EADDRINUSE: address already in use 127.0.0.1:50051".
  if ("syscall" in error) return { ...known, code: "UNKNOWN", message: error.message };
  return { ...known, code: "INTERNAL", message: error.stack ?? error.message };
}

function ofDomain({ kind, reason, message, metadata }: AgentlaneError): Failure {
  const exitCode = reason === USAGE ? EXIT.usage : EXIT.failed;
  const code = kind.toUpperCase();
  return { code, reason, message, hint: "", exitCode, taskId: metadata.task_id };
}

function ofCall(error: CallError, url = ""): Failure {
  const { code, reason, taskId } = error;
  const fields = error.fieldViolations
    .map(({ field, description }) => `${field}: ${description}`)
    .filter((line) => !error.message.includes(line));
  return {
    code,
    reason,
    // OpenSSL's end with a line break.
    message: [error.message.trim().replace(/\s*\n\s*/g, " "), ...fields].join("; "),
    hint: hintOf(error, url),
    exitCode: EXIT_BY_CODE[code] ?? EXIT.failed,
    taskId,
  };
}

function hintOf({ code, message }: CallError, url: string): string {
  if (/alert.*certificate/i.test(message)) {
    return `${url} wants another client certificate: --cert FILE and --key FILE`;
  }
  if (/certificate|issuer|CERT_/i.test(message)) {
    return `${url} is not trusted: name its authority with --ca FILE (AGENTLANE_CA)`;
  }
  switch (code) {
    case "UNAVAILABLE":
      return `is a server running at ${url}? Another one is named by --url or AGENTLANE_URL`;
    case "DEADLINE_EXCEEDED":
      return "--timeout SECONDS allows more time";
    case "UNAUTHENTICATED":
      return "set AGENTLANE_API_KEY, or --cert and --key where the server asks for a certificate";
    case "PERMISSION_DENIED":
      return "the key or certificate in use may not do this; take another, or have its roles extended";
    default:
      return "";
  }
}

/** A line for people, a document for programs; on standard error. Answers with the exit code. */
export function report(
  terminal: Pick<Terminal, "writeError">,
  isJson: boolean,
  { hint, taskId, ...failure }: Failure,
): number {
  const error = { ...failure, ...(hint && { hint }), ...(taskId && { taskId }) };
  const line = `agentlane: ${failure.message}${hint && `\n  ${hint}`}`;
  terminal.writeError(`${isJson ? JSON.stringify({ error }) : line}\n`);
  return failure.exitCode;
}
