/** What the audit log is told of a call: one line, when it is known what became of it. */
import type { Message } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import { trace } from "@opentelemetry/api";
import { AccessRole } from "../../gen/agentlane/v1/admin_service_pb.js";
import { Code } from "../../gen/google/rpc/code_pb.js";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import type { Peer } from "../auth/contract.ts";
import { AgentlaneError } from "../errors.ts";
import type { Principal } from "../tasks/principal.ts";
import type { AuditLog } from "../telemetry/audit-log.ts";
import { actionOf, NOT_AUDITED } from "./access.ts";

export interface CallAudit {
  /** Who it is. Throws `unavailable` (AUDIT_UNAVAILABLE) where nothing is to go unseen and nothing can be seen. */
  admitted(principal: Principal): void;
  asked(request: Message): void;
  /** Of a call that makes a task: which one. */
  accepted(taskId: string): void;
  /** It is done, or, of a stream, has begun: what was asked for has happened. Only the first one counts. */
  answered(reply: Message | undefined): void;
  /** Ignored once it was answered. */
  failed(error: ConnectError): void;
}

export type StartCallAudit = (name: string, peer: Peer) => CallAudit;

const UNAUDITED: CallAudit = {
  admitted: () => undefined,
  asked: () => undefined,
  accepted: () => undefined,
  answered: () => undefined,
  failed: () => undefined,
};

/** Undefined = there is no audit log. */
export function createCallAudits(log: AuditLog | undefined): StartCallAudit {
  return log ? (name, peer) => startCallAudit(log, name, peer) : () => UNAUDITED;
}

/** Of a call that is not audited, but refused for want of a role. */
const REFUSED = "call.refuse";

function startCallAudit(log: AuditLog, name: string, peer: Peer): CallAudit {
  const action = actionOf(name);
  const isAudited = action !== NOT_AUDITED;
  const target: Record<string, unknown> = {};
  let principal: Principal | undefined;
  let isTold = false;

  function tell(result: string, reason: string): void {
    if (isTold || !principal) return;
    isTold = true;
    const { subject, tenant } = principal;
    const [scheme = ""] = subject.split(":", 1);
    const traceId = trace.getActiveSpan()?.spanContext().traceId;
    log.write({
      principal: { subject, tenant, scheme },
      ...{ action: isAudited ? action : REFUSED, call: name, target, result },
      ...(reason !== "" && { reason }),
      peer: peer.address,
      ...(traceId !== undefined && { trace_id: traceId }),
    });
  }

  return {
    admitted(admitted) {
      principal = admitted;
      if (isAudited && log.isClosed) throw auditUnavailable();
    },
    asked(request) {
      if (isAudited) collectFacts(request, target);
    },
    accepted: (taskId) => addId(target, "taskId", taskId),
    answered(reply) {
      if (!isAudited || isTold) return;
      if (reply) collectFacts(reply, target);
      tell("OK", "");
    },
    failed(error) {
      const [{ reason = "", metadata = {} } = {}] = error.findDetails(ErrorInfoSchema);
      // Of a task that was accepted, and then failed: its submit is told of by its error alone.
      if (isAudited) addId(target, "taskId", metadata.task_id);
      if (isAudited || reason === "ROLE_REQUIRED") tell(Code[error.code] ?? "UNKNOWN", reason);
    },
  };
}

/** Those fields of a message that are ids; everything else may be content. */
const IDS: ReadonlySet<string> = new Set([
  ...["tenant", "agentId", "sessionId", "taskId", "keyId"],
  ...["taskIds", "redrivenTaskIds", "agentIds"],
]);
/** How many it was done to, where an answer does not name each. */
const COUNTS: ReadonlySet<string> = new Set([
  ...["purgedCount", "canceledTaskCount"],
  ...["deletedTaskCount", "deletedSessionCount", "deletedApiKeyCount"],
]);
/** Where a message keeps ids one level down. */
const HOLDERS: ReadonlySet<string> = new Set(["task", "key", "context"]);
const MAX_LISTED = 100;

function collectFacts(message: object, facts: Record<string, unknown>, isNested = false): void {
  for (const [field, value] of Object.entries(message)) {
    if (IDS.has(field)) addId(facts, field, value);
    else if (COUNTS.has(field)) facts[field] = Number(value);
    else if (field === "roles") addRoles(facts, value);
    else if (field === "target") addTarget(facts, value);
    else if (!isNested && HOLDERS.has(field) && typeof value === "object" && value !== null) {
      collectFacts(value, facts, true);
    }
  }
}

/** What a key may do. */
function addRoles(facts: Record<string, unknown>, value: unknown): void {
  if (Array.isArray(value)) facts.roles = value.map((role) => AccessRole[role] ?? role);
}

function addId(ids: Record<string, unknown>, field: string, value: unknown): void {
  if (typeof value === "string" && value !== "") ids[field] = value;
  if (!Array.isArray(value) || value.length === 0) return;
  ids[field] = value.slice(0, MAX_LISTED);
  if (value.length > MAX_LISTED) ids[`${field}Count`] = value.length;
}

/** The oneof of CancelTask; an idempotency key is the client's own text. */
function addTarget(ids: Record<string, unknown>, value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  if ("case" in value && value.case === "taskId" && "value" in value)
    addId(ids, "taskId", value.value);
}

function auditUnavailable(): AgentlaneError {
  return new AgentlaneError(
    "unavailable",
    "AUDIT_UNAVAILABLE",
    "the audit log cannot be written now, and nothing is done unseen: call again",
    { retryAfterMs: 1000 },
  );
}
