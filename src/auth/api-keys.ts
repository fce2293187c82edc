/** The API keys of an installation: made, listed, revoked. */
import type { ApiKey } from "../../gen/agentlane/v1/admin_service_pb.js";
import type { AccessRole } from "../../gen/agentlane/v1/admin_service_pb.js";
import type { Page, PageRequest } from "../store/contract.ts";

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
