/** The part of the composition root that makes the audit log: of a server, and of commands without one. */
import { userInfo } from "node:os";
import { Code } from "../gen/google/rpc/code_pb.js";
import type { Config } from "./config.ts";
import { AgentlaneError } from "./errors.ts";
import { asAgentlaneError, CODE_OF_KIND } from "./tasks/task-error.ts";
import { type AuditLog, type AuditRecord, createAuditLog } from "./telemetry/audit-log.ts";
import type { LogFields } from "./telemetry/logging.ts";

type OnProblem = (message: string, fields: LogFields) => void;

/** Undefined = none is kept. `standardFd`: what `-` is. */
export function auditLogOf(
  { audit }: Config,
  standardFd: 1 | 2,
  onProblem: OnProblem,
): AuditLog | undefined {
  const { path, onFailure } = audit;
  return path === undefined
    ? undefined
    : createAuditLog({ path, standardFd, onFailure, onProblem });
}

/** A command that does on this machine what a call would do. */
export interface AuditedCommand {
  readonly action: string;
  /** As it is typed, without options. */
  readonly call: string;
  /** Ids only; `work` may add those that it makes. */
  readonly target: Record<string, unknown>;
  readonly onWarning: (message: string) => void;
}

/**
 * Runs a command's work, and tells the audit log how it went before anybody is told of its result. Lines
 * go to standard error instead of standard output, which is the result's. Throws before the work where
 * the log cannot be opened, and after it `unavailable` (AUDIT_UNAVAILABLE) where nothing is to go unseen
 * and the line could not be written.
 */
export async function audited<T>(
  config: Config,
  { action, call, target, onWarning }: AuditedCommand,
  work: () => Promise<T>,
): Promise<T> {
  let hasFailed = false;
  const log = auditLogOf(config, 2, (message) => {
    hasFailed = true;
    onWarning(message);
  });
  if (!log) return work();
  await log.start();
  const tell = async (outcome: Pick<AuditRecord, "result" | "reason">): Promise<void> => {
    log.write({ principal: operator(), action, call, target, ...outcome, peer: "" });
    await log.stop();
  };
  let result: T;
  try {
    result = await work();
  } catch (error) {
    const { kind, reason } = asAgentlaneError(error);
    await tell({ result: Code[CODE_OF_KIND[kind]] ?? "UNKNOWN", reason });
    throw error;
  }
  await tell({ result: "OK" });
  if (hasFailed && config.audit.onFailure === "refuse") throw unseen();
  return result;
}

/** Who is at this machine: the account that the command runs under. */
function operator(): AuditRecord["principal"] {
  return { subject: `local:${accountName()}`, tenant: "", scheme: "local" };
}

/** A user id of a container often has no name. */
function accountName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid-${process.getuid?.() ?? "unknown"}`;
  }
}

function unseen(): AgentlaneError {
  return new AgentlaneError(
    "unavailable",
    "AUDIT_UNAVAILABLE",
    "the audit log could not be written, and nothing is done unseen: mend it and call again",
  );
}
