/** The part of the Store seam that keeps credentials. Conformance: test/conformance/store-suite.ts. */
import type { ApiKeyRecord } from "../../gen/agentlane/store/v1/record_pb.js";
import type { Page, PageRequest } from "./contract.ts";

/**
 * API keys, hashed. Unlike the rest of the store it counts in its callers' time: whether a key is
 * valid is decided by who reads it, and a few seconds matter to nobody.
 */
export interface CredentialStore {
  /**
   * Keeps a new key and forgets those that were revoked or have expired before `forgetBeforeMs`.
   * `resource_exhausted` (TOO_MANY_API_KEYS) when there are `maxCount` others; `already_exists` for the
   * id of another key; `failed_precondition` (TENANT_DELETED) for one of a closed tenant. A repeat
   * changes nothing.
   */
  add(record: ApiKeyRecord, limits: CredentialLimits): Promise<void>;
  /** Whoever's it is; undefined = unknown. */
  find(keyId: string): Promise<ApiKeyRecord | undefined>;
  /** By id; undefined = of all tenants. */
  list(tenant: string | undefined, page: PageRequest): Promise<Page<ApiKeyRecord>>;
  /** The first revocation stands. Answers the key, undefined = unknown. */
  revoke(keyId: string, atMs: number): Promise<ApiKeyRecord | undefined>;
  /** The latest use stands. An unknown key is ignored. */
  markUsed(keyId: string, atMs: number): Promise<void>;
  /** Deletes all keys of a tenant; answers their ids. */
  forget(tenant: string): Promise<string[]>;
}

export interface CredentialLimits {
  /** Keys of the installation. */
  readonly maxCount: number;
  /** Milliseconds since the epoch. */
  readonly forgetBeforeMs: number;
}
