import { create } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import {
  type AdminService,
  CreateApiKeyResponseSchema,
  DeleteTenantResponseSchema,
  ListApiKeysResponseSchema,
  RevokeApiKeyResponseSchema,
} from "../../gen/agentlane/v1/admin_service_pb.js";
import type { ApiKeys } from "../auth/api-keys.ts";
import type { TenantDeletion } from "../tasks/tenant-deletion.ts";
import { pageOf } from "./page.ts";
import type { Implementation } from "./rpc.ts";

export function adminService(
  keys: ApiKeys,
  tenants: TenantDeletion,
): Implementation<typeof AdminService> {
  return {
    async createApiKey({ name, tenant, roles, agentIds, validFor }, { principal }) {
      const validForMs = validFor && durationMs(validFor);
      const createdBy = principal.subject;
      const made = await keys.create({ name, tenant, roles, agentIds, validForMs, createdBy });
      return create(CreateApiKeyResponseSchema, made);
    },

    async listApiKeys(request) {
      const page = pageOf(request);
      const { items, nextToken } = await keys.list(request.tenant || undefined, page);
      return create(ListApiKeysResponseSchema, { keys: items, nextPageToken: nextToken });
    },

    async revokeApiKey({ keyId }) {
      return create(RevokeApiKeyResponseSchema, { key: await keys.revoke(keyId) });
    },

    async deleteTenant({ tenant }, { principal, signal }) {
      const deleted = await tenants.delete(principal, tenant, signal);
      return create(DeleteTenantResponseSchema, {
        done: deleted.done,
        deletedTaskCount: BigInt(deleted.taskCount),
        canceledTaskCount: BigInt(deleted.canceledCount),
        deletedSessionCount: BigInt(deleted.sessionCount),
        deletedApiKeyCount: deleted.apiKeyCount,
      });
    },
  };
}
