/** API keys as adapters keep them: the record as it was made, and beside it what changes. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { type ApiKeyRecord, ApiKeyRecordSchema } from "../../gen/agentlane/store/v1/record_pb.js";
import { AgentlaneError } from "../errors.ts";
import { timestamp } from "../timestamp.ts";

export interface StoredKey {
  readonly keyId: string;
  readonly tenant: string;
  /** Undefined = never. */
  readonly expiresAtMs: number | undefined;
  readonly record: Buffer;
}

export function writeKey(record: ApiKeyRecord): StoredKey {
  const { keyId = "", tenant = "", expiresAt } = record.key ?? {};
  return {
    keyId,
    tenant,
    expiresAtMs: expiresAt && timestampMs(expiresAt),
    record: Buffer.from(toBinary(ApiKeyRecordSchema, record)),
  };
}

/** Undefined instants = it is not revoked, it was never used. */
export function readKey(
  stored: Uint8Array,
  revokedAtMs: number | undefined,
  usedAtMs: number | undefined,
): ApiKeyRecord {
  const { key, secretHash } = fromBinary(ApiKeyRecordSchema, stored);
  if (!key) throw new AgentlaneError("internal", "STORED_KEY", "a stored API key has no key");
  return create(ApiKeyRecordSchema, {
    secretHash: new Uint8Array(secretHash),
    key: {
      ...key,
      ...(revokedAtMs !== undefined && { revokedAt: timestamp(revokedAtMs) }),
      ...(usedAtMs !== undefined && { lastUsedAt: timestamp(usedAtMs) }),
    },
  });
}

export function tooManyKeys(maxCount: number): AgentlaneError {
  return new AgentlaneError(
    "resource_exhausted",
    "TOO_MANY_API_KEYS",
    `there are ${maxCount} API keys, more are not kept: revoke some; those are forgotten after a while`,
    { retryable: false },
  );
}

export function keyExists(keyId: string): AgentlaneError {
  return new AgentlaneError("already_exists", "API_KEY_EXISTS", `there is an API key ${keyId}`, {
    metadata: { key_id: keyId },
  });
}
