/** API keys. */
import type { ApiKeyRecord } from "../../../gen/agentlane/store/v1/record_pb.js";
import { bytes, list, number, text } from "../../redis/reply.ts";
import type { CredentialStore } from "../credential-contract.ts";
import { readToken, writeToken } from "../page-token.ts";
import { tenantClosed } from "../refusals.ts";
import { keyExists, readKey, tooManyKeys, writeKey } from "../stored-keys.ts";
import { decodePart, encodePart } from "./keys.ts";
import type { Redis } from "./store.ts";

export function createCredentials(redis: Redis): CredentialStore {
  return {
    async add(record, { maxCount, forgetBeforeMs }) {
      const { keyId, tenant, expiresAtMs, record: stored } = writeKey(record);
      const names = [encodePart(keyId), encodePart(tenant), expiresAtMs ?? ""];
      const args = [...names, stored, maxCount, Math.floor(forgetBeforeMs)];
      const outcome = text(await redis.run("keyadd", args));
      if (outcome === "EXISTS") throw keyExists(keyId);
      if (outcome === "CLOSED") throw tenantClosed();
      if (outcome === "FULL") throw tooManyKeys(maxCount);
    },

    async find(keyId) {
      return shown(await redis.send("hmget", `:ak:${encodePart(keyId)}`, ["x", "r", "u"]));
    },

    async list(tenant, { size, token }) {
      const from = token === "" ? "-" : `(${encodePart(readToken(token))}`;
      const of = tenant === undefined ? "" : encodePart(tenant);
      const found = list(await redis.run("keylist", [of, from, size + 1]));
      const items = found.slice(0, size).flatMap((reply) => shown(reply) ?? []);
      const last = items.at(-1)?.key;
      const nextToken = last && found.length > size ? writeToken(last.keyId) : "";
      return { items, nextToken };
    },

    async revoke(keyId, atMs) {
      return shown(await redis.run("keyrevoke", [encodePart(keyId), Math.floor(atMs)]));
    },

    async markUsed(keyId, atMs) {
      await redis.run("keyused", [encodePart(keyId), Math.floor(atMs)]);
    },

    async forget(tenant) {
      const ids = list(await redis.run("keyforget", [encodePart(tenant)]));
      return ids.map((id) => decodePart(text(id)));
    },
  };
}

/** {record, revoked, used}; without a record there is no key. */
function shown(reply: unknown): ApiKeyRecord | undefined {
  const [record, revokedAt, usedAt] = list(reply);
  if (record === null || record === undefined) return undefined;
  return readKey(bytes(record), instant(revokedAt), instant(usedAt));
}

function instant(reply: unknown): number | undefined {
  return reply === null || reply === undefined ? undefined : number(reply);
}
