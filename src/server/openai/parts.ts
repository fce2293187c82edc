import type { AgentService } from "../../../gen/agentlane/v1/agent_service_pb.js";
import type { OperationsService } from "../../../gen/agentlane/v1/operations_service_pb.js";
import type { Peer } from "../../auth/contract.ts";
import type { Clock } from "../../clock.ts";
import type { HttpRequest } from "../connect-adapter.ts";
import type { Interceptors, OnError } from "../interceptors.ts";
import type { BodyLimits } from "../request-body.ts";
import type { Implementation } from "../rpc.ts";

/** What OpenAI's routes are made of: the services and the way of every call to them. */
export interface OpenAIParts {
  readonly interceptors: Interceptors;
  readonly peerOf: (request: HttpRequest) => Peer;
  readonly agents: Implementation<typeof AgentService>;
  readonly operations: Implementation<typeof OperationsService>;
  readonly limits: BodyLimits;
  readonly clock: Clock;
  readonly onError: OnError;
}
