/** API keys. */
import type { ApiKeyRecord } from "../../../gen/agentlane/store/v1/record_pb.js";
import type { CredentialStore } from "../credential-contract.ts";
import { readToken, writeToken } from "../page-token.ts";
import { tenantClosed } from "../refusals.ts";
import { keyExists, readKey, tooManyKeys, writeKey } from "../stored-keys.ts";
import { readText, writeText } from "./names.ts";
import { Fields } from "./reply.ts";
import type { Postgres } from "./store.ts";

export function createCredentials(postgres: Postgres): CredentialStore {
  return {
    async add(record, { maxCount, forgetBeforeMs }) {
      const { keyId, tenant, expiresAtMs, record: stored } = writeKey(record);
      const outcome = await postgres.call("add_api_key", [
        writeText(keyId),
        writeText(tenant),
        expiresAtMs ?? null,
        stored,
        maxCount,
        Math.floor(forgetBeforeMs),
      ]);
      if (outcome === "EXISTS") throw keyExists(keyId);
      if (outcome === "CLOSED") throw tenantClosed();
      if (outcome === "FULL") throw tooManyKeys(maxCount);
    },

    async find(keyId) {
      const [answer] = await postgres.query("apiKey", [writeText(keyId)]);
      return answer ? shown(answer) : undefined;
    },

    async list(tenant, { size, token }) {
      const after = token === "" ? "" : readToken(token);
      const of = tenant === undefined ? null : writeText(tenant);
      const answers = await postgres.query("apiKeys", [of, writeText(after), size + 1]);
      const items = answers.slice(0, size).map(shown);
      const last = items.at(-1)?.key;
      const nextToken = last && answers.length > size ? writeToken(last.keyId) : "";
      return { items, nextToken };
    },

    async revoke(keyId, atMs) {
      const answer = await postgres.call("revoke_api_key", [writeText(keyId), Math.floor(atMs)]);
      return answer ? shown(answer) : undefined;
    },

    async markUsed(keyId, atMs) {
      await postgres.call("use_api_key", [writeText(keyId), Math.floor(atMs)]);
    },

    async forget(tenant) {
      const ids = await postgres.query("forget_api_keys", [writeText(tenant)]);
      return ids.map((id) => readText(String(id)));
    },
  };
}

function shown(answer: unknown): ApiKeyRecord {
  const row = new Fields(answer);
  const revokedAtMs = row.optionalNumber("revoked_at");
  return readKey(row.bytes("record"), revokedAtMs, row.optionalNumber("used_at"));
}
