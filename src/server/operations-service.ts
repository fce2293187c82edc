import { create } from "@bufbuild/protobuf";
import {
  GetFrameworkHealthResponseSchema,
  GetQueueStatsResponseSchema,
  ListAgentsResponseSchema,
  ListWorkersResponseSchema,
  type OperationsService,
} from "../../gen/agentlane/v1/operations_service_pb.js";
import { invalidField } from "../errors.ts";
import type { Operations } from "../tasks/operations.ts";
import type { Implementation } from "./rpc.ts";

export function operationsService(
  operations: Operations,
): Implementation<typeof OperationsService> {
  return {
    getTaskManagerStatus: () => operations.status(),

    async getQueueStats({ queueName }) {
      const queues = await operations.queueStats(queueName || undefined);
      return create(GetQueueStatsResponseSchema, { queues });
    },

    async getFrameworkHealth({ framework }) {
      const frameworks = await operations.frameworkHealth(framework || undefined);
      return create(GetFrameworkHealthResponseSchema, { frameworks });
    },

    async listAgents(_request, { principal }) {
      const agents = await operations.listAgents(principal);
      return create(ListAgentsResponseSchema, { agents });
    },

    async validateAgent({ subject }) {
      switch (subject.case) {
        case "agentId":
          return operations.validateAgent({ agentId: subject.value });
        case "definition":
          return operations.validateAgent({ definition: subject.value });
        default:
          throw invalidField("subject", "agent_id or definition is required");
      }
    },

    async listWorkers(_request, { principal }) {
      const workers = await operations.listWorkers(principal);
      return create(ListWorkersResponseSchema, { workers });
    },

    getTenantUsage: ({ tenant }, { principal }) => operations.tenantUsage(principal, tenant),
  };
}
