/** The fields of a principal as files and modules write them. */
import { z } from "zod";
import type { Principal } from "../tasks/principal.ts";
import { ROLE_NAMES, roleNamed } from "./roles.ts";

/** The contract's pattern of ids. */
const id = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, {
  error: "a letter or digit, then letters, digits, '.', '_' and '-', 128 in all",
});

const MAX_AGENTS = 64;

export const principalFields = {
  tenant: id,
  roles: z.array(z.enum(ROLE_NAMES)).min(1),
  /** Absent = all. */
  agents: z.array(id).min(1).max(MAX_AGENTS).optional(),
};

const schema = z.object(principalFields);

export function principalOf(
  { tenant, roles, agents }: z.infer<typeof schema>,
  subject: string,
): Principal {
  return {
    tenant,
    subject,
    roles: new Set(roles.flatMap((name) => roleNamed(name) ?? [])),
    ...(agents && { agentIds: new Set(agents) }),
  };
}

/** For messages: every problem with its place. */
export function problemsOf(error: z.ZodError): string {
  return error.issues
    .map(({ path, message }) => (path.length > 0 ? `${path.join(".")}: ${message}` : message))
    .join("; ");
}
