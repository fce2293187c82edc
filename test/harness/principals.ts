/** Principals for tests: everything allowed but what a test takes away. */
import { ALL_ROLES, DEFAULT_TENANT, type Principal } from "../../src/tasks/principal.ts";

export function principal(
  tenant: string = DEFAULT_TENANT,
  overrides: Partial<Principal> = {},
): Principal {
  return { tenant, subject: `test:${tenant}`, roles: ALL_ROLES, ...overrides };
}
