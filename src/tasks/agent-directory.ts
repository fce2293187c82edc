/** What tasks need to know of agents. Implemented by the executor room. */
import type { JsonObject } from "@bufbuild/protobuf";
import type {
  AgentDescription,
  FrameworkHealth,
  ValidateAgentResponse,
} from "../../gen/agentlane/v1/operations_service_pb.js";
import type { Backoff } from "./retry.ts";

/** An agent's defaults for its tasks. */
export interface AgentPolicy {
  readonly queue: string;
  readonly maxAttempts: number;
  /** Limit on an attempt; undefined = the installation's. */
  readonly timeoutMs: number | undefined;
  readonly backoff: Backoff;
}

export interface AgentDirectory {
  /** `not_found` (AGENT_NOT_FOUND) for an unknown agent. */
  policy(agentId: string): AgentPolicy;
  /** All queues that agents name. */
  queues(): string[];
  /** By id. */
  describe(): Promise<AgentDescription[]>;
  validate(
    subject: { agentId: string } | { definition: JsonObject },
  ): Promise<ValidateAgentResponse>;
  frameworks(): FrameworkHealth[];
}
