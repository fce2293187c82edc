/** Who calls, and what that may do. */
import { AccessRole } from "../../gen/agentlane/v1/admin_service_pb.js";

/** The caller, as authentication established it. Nothing of it ever comes from a request. */
export interface Principal {
  /** Starts every key and row that the caller's work makes. */
  readonly tenant: string;
  /**
   * Who, for the audit log: the kind of the credential and what it says, e.g. `api-key:01j…`,
   * `jwt:auth0|4711`, `certificate:CN=billing`. Never a secret.
   */
  readonly subject: string;
  /** What it may do; no role includes another. */
  readonly roles: ReadonlySet<AccessRole>;
  /** The only agents it may use and see; undefined = all. */
  readonly agentIds?: ReadonlySet<string>;
}

/** How subjects of API keys begin. */
export const API_KEY_SUBJECT = "api-key:";

/** Of callers whose credential names none. */
export const DEFAULT_TENANT = "default";

export const ALL_ROLES: ReadonlySet<AccessRole> = new Set([
  AccessRole.SUBMIT,
  AccessRole.READ,
  AccessRole.OPERATE,
  AccessRole.ADMIN,
]);

/** Everybody, where nothing authenticates: on loopback only. */
export const ANYBODY: Principal = {
  tenant: DEFAULT_TENANT,
  subject: "anybody",
  roles: ALL_ROLES,
};

/** Who is not asked: probes. */
export const NOBODY: Principal = { tenant: "", subject: "nobody", roles: new Set() };

/** Whether the principal may use and see an agent, and all that belongs to it. */
export function mayUse({ agentIds }: Principal, agentId: string): boolean {
  return agentIds === undefined || agentIds.has(agentId);
}
