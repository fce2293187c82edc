/** The figures that operators see. */
import type { JsonObject } from "@bufbuild/protobuf";
import type {
  AgentDescription,
  FrameworkHealth,
  GetTaskManagerStatusResponse,
  QueueStats,
  ValidateAgentResponse,
  Worker,
} from "../../gen/agentlane/v1/operations_service_pb.js";

export interface Operations {
  status(): Promise<GetTaskManagerStatusResponse>;
  /** Undefined = all known queues, by name. */
  queueStats(queue: string | undefined): Promise<QueueStats[]>;
  /** Undefined = all enabled frameworks; `not_found` for an unknown one. */
  frameworkHealth(framework: string | undefined): Promise<FrameworkHealth[]>;
  listAgents(): Promise<AgentDescription[]>;
  validateAgent(
    subject: { agentId: string } | { definition: JsonObject },
  ): Promise<ValidateAgentResponse>;
  listWorkers(): Promise<Worker[]>;
}
