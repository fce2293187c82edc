/** Roles as people write them: the contract's names, short and in lower case. */
import { AccessRole, AccessRoleSchema } from "../../gen/agentlane/v1/admin_service_pb.js";

const ROLES: ReadonlyMap<string, AccessRole> = new Map(
  AccessRoleSchema.values
    .filter(({ number }) => number !== AccessRole.UNSPECIFIED)
    .map(({ localName, number }) => [localName.toLowerCase(), number]),
);

/** submit, read, operate, admin. */
export const ROLE_NAMES: readonly string[] = [...ROLES.keys()];

/** Undefined = there is no such role. */
export function roleNamed(name: string): AccessRole | undefined {
  return ROLES.get(name);
}

export function roleName(role: AccessRole): string {
  return (AccessRole[role] ?? "").toLowerCase();
}
