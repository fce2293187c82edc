/** API keys. */
import type { ApiKeyRecord } from "../../../gen/agentlane/store/v1/record_pb.js";
import type { CredentialStore } from "../credential-contract.ts";
import { readToken, writeToken } from "../page-token.ts";
import { keyExists, readKey, tooManyKeys, writeKey } from "../stored-keys.ts";
import { refuseClosed } from "./closed.ts";
import type { Database } from "./database.ts";
import type { ApiKeyRow } from "./rows.ts";

export function createCredentials(db: Database): CredentialStore {
  return {
    add: (record, { maxCount, forgetBeforeMs }) =>
      db.write((op) => {
        const { sql } = op;
        const stored = writeKey(record);
        const known = sql.findApiKey.get(stored.keyId);
        if (known && stored.record.equals(known.record)) return;
        if (known) throw keyExists(stored.keyId);
        refuseClosed(op, stored.tenant);
        sql.forgetApiKeys(Math.floor(forgetBeforeMs));
        if ((sql.apiKeyCount.get()?.found ?? 0) >= maxCount) throw tooManyKeys(maxCount);
        sql.insertApiKey(stored.keyId, stored.tenant, stored.expiresAtMs ?? null, stored.record);
      }),

    find: (keyId) =>
      db.read(({ sql }) => {
        const row = sql.findApiKey.get(keyId);
        return row && shown(row);
      }),

    list: (tenant, { size, token }) =>
      db.read(({ sql }) => {
        const after = token === "" ? "" : readToken(token);
        const rows = sql.apiKeys.all(tenant ?? null, after, size + 1);
        const page = rows.slice(0, size);
        const last = page.at(-1);
        const nextToken = last && rows.length > size ? writeToken(last.key_id) : "";
        return { items: page.map(shown), nextToken };
      }),

    revoke: (keyId, atMs) =>
      db.write(({ sql }) => {
        sql.revokeApiKey(Math.floor(atMs), keyId);
        const row = sql.findApiKey.get(keyId);
        return row && shown(row);
      }),

    markUsed: (keyId, atMs) =>
      db.writeSoftly(({ sql }) => void sql.useApiKey(Math.floor(atMs), keyId)),

    forget: (tenant) =>
      db.write(({ sql }) => sql.dropApiKeys.all(tenant).map(({ key_id }) => key_id)),
  };
}

function shown({ record, revoked_at, used_at }: ApiKeyRow): ApiKeyRecord {
  return readKey(record, revoked_at ?? undefined, used_at ?? undefined);
}
