/**
 * Who may call what, and what of it the audit log tells: the one table. An RPC or route without an entry
 * is refused to everybody, and a test holds the table against the contract.
 */
import { AccessRole } from "../../gen/agentlane/v1/admin_service_pb.js";
import { AgentlaneError } from "../errors.ts";
import type { Principal } from "../tasks/principal.ts";

/**
 * "open" = no credential is asked for; "known" = any valid one will do; a list = one with any of
 * these roles.
 */
export type Access = "open" | "known" | readonly AccessRole[];

const { SUBMIT, READ, OPERATE, ADMIN } = AccessRole;

/** What stands for a call in the audit log; NOT_AUDITED for what tells no content and changes nothing. */
export const NOT_AUDITED = "none";

export interface Rule {
  readonly access: Access;
  readonly audit: string;
}

/** By the name of an RPC, and of a route of HTTP's own. */
export const ACCESS: Readonly<Record<string, Rule>> = {
  "agentlane.v1.AgentService/Execute": rule([SUBMIT], "task.submit"),
  "agentlane.v1.AgentService/StreamExecute": rule([SUBMIT], "task.submit"),
  "POST /v1/chat/completions": rule([SUBMIT], "task.submit"),

  "agentlane.v1.TaskService/SubmitTask": rule([SUBMIT], "task.submit"),
  "agentlane.v1.TaskService/CancelTask": rule([SUBMIT], "task.cancel"),
  "agentlane.v1.TaskService/GetTask": rule([READ], "task.read"),
  "agentlane.v1.TaskService/ListTasks": rule([READ], "task.read"),
  "agentlane.v1.TaskService/WatchTask": rule([READ], "task.read"),
  "agentlane.v1.TaskService/ListDeadLetters": rule([OPERATE], "task.read"),
  "agentlane.v1.TaskService/RedriveTasks": rule([OPERATE], "task.redrive"),
  "agentlane.v1.TaskService/PurgeDeadLetters": rule([OPERATE], "task.purge"),

  "agentlane.v1.SessionService/GetSession": rule([READ], "session.read"),
  "agentlane.v1.SessionService/ListSessions": rule([READ], NOT_AUDITED),
  "agentlane.v1.SessionService/ListInstances": rule([READ], NOT_AUDITED),
  "agentlane.v1.SessionService/ExportSession": rule([READ], "session.export"),
  "agentlane.v1.SessionService/DestroySession": rule([SUBMIT], "session.destroy"),
  "agentlane.v1.SessionService/ImportSession": rule([SUBMIT], "session.import"),

  // Sums over all tenants: they name no tenant, no session and no task.
  "agentlane.v1.OperationsService/GetTaskManagerStatus": rule([OPERATE], NOT_AUDITED),
  "agentlane.v1.OperationsService/GetQueueStats": rule([OPERATE], NOT_AUDITED),
  "agentlane.v1.OperationsService/GetFrameworkHealth": rule([OPERATE], NOT_AUDITED),
  "agentlane.v1.OperationsService/ListWorkers": rule([OPERATE], NOT_AUDITED),
  // Of another tenant for ADMIN only (operations.ts).
  "agentlane.v1.OperationsService/GetTenantUsage": rule([OPERATE, ADMIN], NOT_AUDITED),
  // What a caller needs to know of the agents that it may use.
  "agentlane.v1.OperationsService/ListAgents": rule([SUBMIT, READ, OPERATE], NOT_AUDITED),
  "GET /v1/models": rule([SUBMIT, READ, OPERATE], NOT_AUDITED),
  "GET /v1/models/{model}": rule([SUBMIT, READ, OPERATE], NOT_AUDITED),
  // Connects to what the definition names.
  "agentlane.v1.OperationsService/ValidateAgent": rule([ADMIN], "agent.validate"),

  "agentlane.v1.AdminService/CreateApiKey": rule([ADMIN], "key.create"),
  "agentlane.v1.AdminService/ListApiKeys": rule([ADMIN], "key.list"),
  "agentlane.v1.AdminService/RevokeApiKey": rule([ADMIN], "key.revoke"),
  "agentlane.v1.AdminService/DeleteTenant": rule([ADMIN], "tenant.delete"),

  // Probes of load balancers have no credentials, and learn what /readyz tells everybody.
  "grpc.health.v1.Health/Check": rule("open", NOT_AUDITED),
  "grpc.health.v1.Health/List": rule("known", NOT_AUDITED),
  "grpc.health.v1.Health/Watch": rule("known", NOT_AUDITED),
  "grpc.reflection.v1.ServerReflection/ServerReflectionInfo": rule("known", NOT_AUDITED),
  "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": rule("known", NOT_AUDITED),
};

function rule(access: Access, audit: string): Rule {
  return { access, audit };
}

/** Undefined = nobody has said: nobody may. */
export function accessTo(name: string): Access | undefined {
  return ruleOf(name)?.access;
}

/** What stands for it in the audit log. */
export function actionOf(name: string): string {
  return ruleOf(name)?.audit ?? NOT_AUDITED;
}

function ruleOf(name: string): Rule | undefined {
  return Object.hasOwn(ACCESS, name) ? ACCESS[name] : undefined;
}

/** Throws `permission_denied` unless the principal has a role that the call asks for. */
export function authorize(principal: Principal, name: string): void {
  const access = accessTo(name);
  if (access === "open" || access === "known") return;
  if (access?.some((role) => principal.roles.has(role))) return;
  const roles = (access ?? []).map((role) => AccessRole[role].toLowerCase());
  throw new AgentlaneError(
    "permission_denied",
    "ROLE_REQUIRED",
    roles.length === 0
      ? `nobody may call ${name}`
      : `${name} needs the role ${roles.join(" or ")}, which these credentials do not have`,
    { metadata: { roles: roles.join(",") } },
  );
}
