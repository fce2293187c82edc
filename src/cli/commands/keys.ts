/** `agentlane keys`: the API keys of the installation. */
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import {
  AccessRole,
  type ApiKey,
  ApiKeySchema,
  CreateApiKeyResponseSchema,
} from "../../../sdk/typescript/src/node.ts";
import { confirmed, YES } from "../confirm.ts";
import { EXIT, usageError } from "../failure.ts";
import { instant } from "../format.ts";
import { contractJson, document } from "../json.ts";
import { showList } from "../listing.ts";
import { choices, duration, operand, text } from "../options.ts";
import { firstItems, PAGING } from "../paging.ts";
import { once, remoteCommand, repeated } from "../remote.ts";
import type { Column } from "../table.ts";

const ROLE_NAMES = ["submit", "read", "operate", "admin"] as const;

const COLUMNS: readonly Column<ApiKey>[] = [
  { title: "KEY", value: (key) => key.keyId },
  { title: "NAME", value: (key) => key.name, isFlexible: true },
  { title: "TENANT", value: (key) => key.tenant, isFlexible: true },
  { title: "ROLES", value: (key) => key.roles.map(roleName).join(",") },
  { title: "AGENTS", value: (key) => key.agentIds.join(",") || "all", isFlexible: true },
  { title: "EXPIRES", value: (key) => instant(key.expiresAt) || "never" },
  { title: "REVOKED", value: (key) => instant(key.revokedAt) },
  { title: "LAST USED", value: (key) => instant(key.lastUsedAt) },
];

/** What a new key is; also of one that is made without a server. */
export const KEY_OPTIONS = {
  name: text("NAME", "What it is for"),
  tenant: text("TENANT", "The tenant whose work its calls are (default: default)"),
  role: choices("ROLES", ROLE_NAMES, "What it may do: some of submit, read, operate, admin"),
  agents: text("AGENTS", "The only agents it may use and see, separated by commas"),
  "valid-for": duration("How long it is valid, e.g. 90d; default: until it is revoked"),
};

interface KeyGiven {
  readonly name: string | undefined;
  readonly tenant: string | undefined;
  readonly role: readonly string[];
  readonly agents: string | undefined;
  readonly "valid-for": number | undefined;
}

export interface KeyFields {
  readonly name: string;
  readonly tenant: string;
  readonly roles: AccessRole[];
  readonly agentIds: string[];
  readonly validForMs: number | undefined;
}

export function keyFields(given: KeyGiven): KeyFields {
  const { name, tenant = "default", role, agents } = given;
  if (!name) throw usageError("--name says what the key is for; it is required");
  if (role.length === 0) throw usageError("--role says what the key may do; it is required");
  return {
    ...{ name, tenant, validForMs: given["valid-for"] },
    roles: [...new Set(role)].flatMap((one) => roleOf(one) ?? []),
    agentIds: agents?.split(",").map((agent) => agent.trim()) ?? [],
  };
}

export const createKeyCommand = remoteCommand({
  name: "keys create",
  summary: "Makes an API key; it is printed once",
  details: `The key alone is on standard output. Only a hash of it is stored: who loses it makes another one.
Needs the role admin. For the first key of all see "agentlane help keys bootstrap".`,
  options: KEY_OPTIONS,
  operands: {},
  async run(given, remote) {
    const { validForMs, ...fields } = keyFields(given);
    const validFor = validForMs === undefined ? {} : { validFor: durationFromMs(validForMs) };
    const made = await once(remote, (wire) =>
      remote.client.admin.createApiKey({ ...fields, ...validFor }, wire),
    );
    const { terminal, isJson } = remote;
    const json = (): string => document(contractJson(CreateApiKeyResponseSchema, made));
    await terminal.write(isJson ? json() : `${made.token}\n`);
    return EXIT.ok;
  },
});

export const keysCommand = remoteCommand({
  name: "keys list",
  summary: "Lists the API keys, without their secrets",
  options: { tenant: text("TENANT", "Only this tenant's"), ...PAGING },
  operands: {},
  async run(given, remote) {
    const { tenant = "" } = given;
    const { items, nextPageToken } = await firstItems(given, async (pageSize, pageToken) => {
      const request = { tenant, pageSize, pageToken };
      const page = await repeated(remote, (wire) => remote.client.admin.listApiKeys(request, wire));
      return { items: page.keys, nextPageToken: page.nextPageToken };
    });
    const listing = { name: "keys", schema: ApiKeySchema, columns: COLUMNS };
    await showList(remote, { ...listing, items, nextPageToken });
    return EXIT.ok;
  },
});

export const revokeKeyCommand = remoteCommand({
  name: "keys revoke",
  summary: "Revokes an API key: within 5 seconds it opens nothing any more, and its open calls end",
  options: YES,
  operands: { id: operand("KEY", "Its id, the middle part of al_<id>_<secret>") },
  async run({ id: keyId, yes }, remote) {
    if (!(await confirmed(remote, yes, `Revoke the key ${keyId} for good?`))) return EXIT.failed;
    const { key } = await repeated(remote, (wire) =>
      remote.client.admin.revokeApiKey({ keyId }, wire),
    );
    const { terminal, isJson } = remote;
    const shown = key && isJson ? document({ key: contractJson(ApiKeySchema, key) }) : undefined;
    await terminal.write(shown ?? `revoked ${keyId}\n`);
    return EXIT.ok;
  },
});

function roleName(role: AccessRole): string {
  return (AccessRole[role] ?? "").toLowerCase();
}

function roleOf(name: string): AccessRole | undefined {
  const { SUBMIT, READ, OPERATE, ADMIN } = AccessRole;
  return { submit: SUBMIT, read: READ, operate: OPERATE, admin: ADMIN }[name];
}
