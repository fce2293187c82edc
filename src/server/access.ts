/**
 * Who may call what: the one table. An RPC or route without an entry is refused to everybody, and a
 * test holds the table against the contract.
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

/** By the name of an RPC, and of a route of HTTP's own. */
export const ACCESS: Readonly<Record<string, Access>> = {
  "agentlane.v1.AgentService/Execute": [SUBMIT],
  "agentlane.v1.AgentService/StreamExecute": [SUBMIT],
  "POST /v1/chat/completions": [SUBMIT],

  "agentlane.v1.TaskService/SubmitTask": [SUBMIT],
  "agentlane.v1.TaskService/CancelTask": [SUBMIT],
  "agentlane.v1.TaskService/GetTask": [READ],
  "agentlane.v1.TaskService/ListTasks": [READ],
  "agentlane.v1.TaskService/WatchTask": [READ],
  "agentlane.v1.TaskService/ListDeadLetters": [OPERATE],
  "agentlane.v1.TaskService/RedriveTasks": [OPERATE],
  "agentlane.v1.TaskService/PurgeDeadLetters": [OPERATE],

  "agentlane.v1.SessionService/GetSession": [READ],
  "agentlane.v1.SessionService/ListSessions": [READ],
  "agentlane.v1.SessionService/ListInstances": [READ],
  "agentlane.v1.SessionService/ExportSession": [READ],
  "agentlane.v1.SessionService/DestroySession": [SUBMIT],
  "agentlane.v1.SessionService/ImportSession": [SUBMIT],

  // Sums over all tenants: they name no tenant, no session and no task.
  "agentlane.v1.OperationsService/GetTaskManagerStatus": [OPERATE],
  "agentlane.v1.OperationsService/GetQueueStats": [OPERATE],
  "agentlane.v1.OperationsService/GetFrameworkHealth": [OPERATE],
  "agentlane.v1.OperationsService/ListWorkers": [OPERATE],
  // Of another tenant for ADMIN only (operations.ts).
  "agentlane.v1.OperationsService/GetTenantUsage": [OPERATE, ADMIN],
  // What a caller needs to know of the agents that it may use.
  "agentlane.v1.OperationsService/ListAgents": [SUBMIT, READ, OPERATE],
  "GET /v1/models": [SUBMIT, READ, OPERATE],
  "GET /v1/models/{model}": [SUBMIT, READ, OPERATE],
  // Connects to what the definition names.
  "agentlane.v1.OperationsService/ValidateAgent": [ADMIN],

  "agentlane.v1.AdminService/CreateApiKey": [ADMIN],
  "agentlane.v1.AdminService/ListApiKeys": [ADMIN],
  "agentlane.v1.AdminService/RevokeApiKey": [ADMIN],
  "agentlane.v1.AdminService/DeleteTenant": [ADMIN],

  // Probes of load balancers have no credentials, and learn what /readyz tells everybody.
  "grpc.health.v1.Health/Check": "open",
  "grpc.health.v1.Health/List": "known",
  "grpc.health.v1.Health/Watch": "known",
  "grpc.reflection.v1.ServerReflection/ServerReflectionInfo": "known",
  "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": "known",
};

/** Undefined = nobody has said: nobody may. */
export function accessTo(name: string): Access | undefined {
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
