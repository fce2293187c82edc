/** API keys, gone with the process: keys that last are in a file (API_KEYS_FILE). */
import type { CredentialStore } from "../credential-contract.ts";
import { readToken, writeToken } from "../page-token.ts";
import { keyExists, readKey, type StoredKey, tooManyKeys, writeKey } from "../stored-keys.ts";
import { refuseClosed } from "./closed.ts";
import type { MemoryState } from "./state.ts";

interface KeyEntry extends StoredKey {
  revokedAtMs: number | undefined;
  usedAtMs: number | undefined;
}

export function createCredentials(state: MemoryState): CredentialStore {
  const entries = new Map<string, KeyEntry>();

  const shown = ({ record, revokedAtMs, usedAtMs }: KeyEntry) =>
    readKey(record, revokedAtMs, usedAtMs);

  return {
    async add(record, { maxCount, forgetBeforeMs }) {
      const stored = writeKey(record);
      const known = entries.get(stored.keyId);
      if (known?.record.equals(stored.record)) return;
      if (known) throw keyExists(stored.keyId);
      refuseClosed(state, stored.tenant);
      for (const [keyId, entry] of entries) {
        if (diedAtMs(entry) < forgetBeforeMs) entries.delete(keyId);
      }
      if (entries.size >= maxCount) throw tooManyKeys(maxCount);
      entries.set(stored.keyId, { ...stored, revokedAtMs: undefined, usedAtMs: undefined });
    },

    async find(keyId) {
      const entry = entries.get(keyId);
      return entry && shown(entry);
    },

    async list(tenant, { size, token }) {
      const after = token === "" ? "" : readToken(token);
      const found = [...entries.values()]
        .filter((entry) => entry.keyId > after && (tenant === undefined || entry.tenant === tenant))
        .sort((a, b) => (a.keyId < b.keyId ? -1 : 1));
      const page = found.slice(0, size);
      const last = page.at(-1);
      const nextToken = last && found.length > size ? writeToken(last.keyId) : "";
      return { items: page.map(shown), nextToken };
    },

    async revoke(keyId, atMs) {
      const entry = entries.get(keyId);
      if (!entry) return undefined;
      entry.revokedAtMs ??= Math.floor(atMs);
      return shown(entry);
    },

    async markUsed(keyId, atMs) {
      const entry = entries.get(keyId);
      if (entry) entry.usedAtMs = Math.max(entry.usedAtMs ?? 0, Math.floor(atMs));
    },

    async forget(tenant) {
      const own = [...entries.values()].filter((entry) => entry.tenant === tenant);
      for (const { keyId } of own) entries.delete(keyId);
      return own.map(({ keyId }) => keyId);
    },
  };
}

/** The earlier of both; Infinity = it lives. */
function diedAtMs({ revokedAtMs, expiresAtMs }: KeyEntry): number {
  return Math.min(revokedAtMs ?? Infinity, expiresAtMs ?? Infinity);
}
