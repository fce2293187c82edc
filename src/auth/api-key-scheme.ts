/** Bearer tokens that are API keys, of the store or of the keys file. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { ApiKeyRecord } from "../../gen/agentlane/store/v1/record_pb.js";
import type { ApiKey } from "../../gen/agentlane/v1/admin_service_pb.js";
import type { Clock } from "../clock.ts";
import { type Service, service } from "../lifecycle.ts";
import type { CredentialStore } from "../store/credential-contract.ts";
import { API_KEY_SUBJECT, type Principal } from "../tasks/principal.ts";
import { isApiKeyToken, isSecretOf, readApiKeyToken } from "./api-key-token.ts";
import type { BearerScheme } from "./scheme.ts";

export interface ApiKeySchemeParts {
  /** Undefined = only those of the file are valid. */
  readonly credentials: CredentialStore | undefined;
  /** Of the keys file, by id. */
  readonly fileKeys: ReadonlyMap<string, ApiKeyRecord>;
  readonly clock: Clock;
  /** Told that a use could not be noted. */
  readonly onWarning: (message: string, error: unknown) => void;
}

/** A key's last use is written this often at most. */
const USE_INTERVAL_MS = 60_000;
/** Compared with where there is no such key, so that this takes as long. */
const NO_HASH = new Uint8Array(32);

export function createApiKeyScheme(parts: ApiKeySchemeParts): BearerScheme & Service {
  const { credentials, fileKeys, clock } = parts;
  const noting = new Set<Promise<void>>();

  function noteUse(store: CredentialStore, { keyId, lastUsedAt }: ApiKey): void {
    const nowMs = clock.now();
    if (lastUsedAt && nowMs - timestampMs(lastUsedAt) < USE_INTERVAL_MS) return;
    const noted = store
      .markUsed(keyId, nowMs)
      .catch((error: unknown) => parts.onWarning("a key's use could not be noted", error))
      .finally(() => noting.delete(noted));
    noting.add(noted);
  }

  return {
    isMeant: isApiKeyToken,
    async verify(token) {
      const parsed = readApiKeyToken(token);
      if (!parsed) return undefined;
      const ofFile = fileKeys.get(parsed.keyId);
      const record = ofFile ?? (await credentials?.find(parsed.keyId));
      const isRight = isSecretOf(parsed.secret, record?.secretHash ?? NO_HASH);
      const key = record?.key;
      if (!isRight || !key || key.revokedAt) return undefined;
      const expiresAtMs = key.expiresAt && timestampMs(key.expiresAt);
      if (expiresAtMs !== undefined && expiresAtMs <= clock.now()) return undefined;
      if (credentials && !ofFile) noteUse(credentials, key);
      return { principal: principalOfKey(key), expiresAtMs };
    },
    ...service(
      async () => {},
      async () => void (await Promise.all(noting)),
    ),
  };
}

function principalOfKey({ keyId, tenant, roles, agentIds }: ApiKey): Principal {
  return {
    tenant,
    subject: `${API_KEY_SUBJECT}${keyId}`,
    roles: new Set(roles),
    ...(agentIds.length > 0 && { agentIds: new Set(agentIds) }),
  };
}

export function isOfKey({ subject }: Principal, keyId: string): boolean {
  return subject === `${API_KEY_SUBJECT}${keyId}`;
}
