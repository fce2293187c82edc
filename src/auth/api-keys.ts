/** The API keys of an installation: made, listed, revoked. */
import { create } from "@bufbuild/protobuf";
import { type ApiKeyRecord, ApiKeyRecordSchema } from "../../gen/agentlane/store/v1/record_pb.js";
import {
  type AccessRole,
  type ApiKey,
  ApiKeySchema,
} from "../../gen/agentlane/v1/admin_service_pb.js";
import type { Clock } from "../clock.ts";
import { AgentlaneError } from "../errors.ts";
import type { Page, PageRequest } from "../store/contract.ts";
import type { CredentialStore } from "../store/credential-contract.ts";
import { timestamp } from "../timestamp.ts";
import { hashSecret, newApiKeyToken, writeApiKeyToken } from "./api-key-token.ts";

export interface NewApiKey {
  readonly name: string;
  readonly tenant: string;
  readonly roles: readonly AccessRole[];
  /** Empty = all. */
  readonly agentIds: readonly string[];
  /** Undefined = until it is revoked. */
  readonly validForMs: number | undefined;
  /** The subject of who makes it. */
  readonly createdBy: string;
}

export interface ApiKeys {
  /** `token` is told once: only the hash of its secret is stored. */
  create(request: NewApiKey): Promise<{ key: ApiKey; token: string }>;
  /** By id; undefined = of all tenants. */
  list(tenant: string | undefined, page: PageRequest): Promise<Page<ApiKey>>;
  /** Idempotent. `not_found` for an unknown id. */
  revoke(keyId: string): Promise<ApiKey>;
}

export interface ApiKeysParts {
  readonly credentials: CredentialStore;
  readonly clock: Clock;
  /** The key is not valid any more: this process need not wait to find out. */
  readonly onRevoked: (keyId: string) => void;
}

/** Keys of an installation, the dead ones that are still listed included. */
const MAX_KEYS = 10_000;
/** How long a revoked or expired key is listed. */
const FORGET_AFTER_MS = 30 * 24 * 60 * 60 * 1000;

export function createApiKeys({ credentials, clock, onRevoked }: ApiKeysParts): ApiKeys {
  return {
    async create(request) {
      const nowMs = clock.now();
      const { record, token } = makeApiKey(request, nowMs);
      const limits = { maxCount: MAX_KEYS, forgetBeforeMs: nowMs - FORGET_AFTER_MS };
      await credentials.add(record, limits);
      return { key: shown(record), token };
    },

    async list(tenant, page) {
      const { items, nextToken } = await credentials.list(tenant, page);
      return { items: items.map(shown), nextToken };
    },

    async revoke(keyId) {
      const record = await credentials.revoke(keyId, clock.now());
      if (!record) {
        throw new AgentlaneError("not_found", "API_KEY_NOT_FOUND", `there is no API key ${keyId}`);
      }
      onRevoked(keyId);
      return shown(record);
    },
  };
}

/** A key that is kept nowhere yet. */
export function makeApiKey(
  request: NewApiKey,
  nowMs: number,
): { record: ApiKeyRecord; token: string } {
  const { name, tenant, roles, agentIds, validForMs, createdBy } = request;
  const { keyId, secret } = newApiKeyToken();
  const record = create(ApiKeyRecordSchema, {
    secretHash: new Uint8Array(hashSecret(secret)),
    key: {
      ...{ keyId, name, tenant, createdBy },
      roles: [...roles],
      agentIds: [...agentIds],
      createdAt: timestamp(nowMs),
      ...(validForMs !== undefined && { expiresAt: timestamp(nowMs + validForMs) }),
    },
  });
  return { record, token: writeApiKeyToken({ keyId, secret }) };
}

function shown({ key }: ApiKeyRecord): ApiKey {
  return key ?? create(ApiKeySchema);
}
