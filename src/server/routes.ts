/** Which services are served. */
import type { DescService } from "@bufbuild/protobuf";
import { AgentService } from "../../gen/agentlane/v1/agent_service_pb.js";
import { OperationsService } from "../../gen/agentlane/v1/operations_service_pb.js";
import { SessionService } from "../../gen/agentlane/v1/session_service_pb.js";
import { TaskService } from "../../gen/agentlane/v1/task_service_pb.js";
import { file_google_rpc_error_details as errorDetails } from "../../gen/google/rpc/error_details_pb.js";
import { Health } from "../../gen/grpc/health/v1/health_pb.js";
import { ServerReflection as ReflectionV1 } from "../../gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ReflectionV1Alpha } from "../../gen/grpc/reflection/v1alpha/reflection_pb.js";
import type { Operations } from "../tasks/operations.ts";
import type { SessionManager } from "../tasks/session-manager.ts";
import type { TaskManager } from "../tasks/task-manager.ts";
import { agentService } from "./agent-service.ts";
import { healthService, type Readiness } from "./health.ts";
import { operationsService } from "./operations-service.ts";
import { reflectionV1, reflectionV1Alpha } from "./reflection.ts";
import { methodsOf, type RpcMethod } from "./rpc.ts";
import { sessionService } from "./session-service.ts";
import { taskService } from "./task-service.ts";

export interface ServiceParts {
  readonly manager: TaskManager;
  readonly sessions: SessionManager;
  readonly operations: Operations;
  readonly readiness: Readiness;
  /** Of it only the size of a reply concerns the services. */
  readonly options: { readonly maxMessageBytes: number };
}

/** By path. */
export function createRoutes(parts: ServiceParts): ReadonlyMap<string, RpcMethod> {
  const { maxMessageBytes } = parts.options;
  const own: DescService[] = [AgentService, TaskService, SessionService, OperationsService];
  const services: DescService[] = [...own, Health, ReflectionV1, ReflectionV1Alpha];
  const reflected = { services, files: [errorDetails] };
  const names = own.map(({ typeName }) => typeName);
  const work = { drains: true };
  const probe = { drains: false };
  const methods = [
    ...methodsOf(AgentService, agentService(parts.manager), work),
    ...methodsOf(TaskService, taskService(parts.manager, maxMessageBytes), work),
    ...methodsOf(SessionService, sessionService(parts.sessions, maxMessageBytes), work),
    ...methodsOf(OperationsService, operationsService(parts.operations), work),
    ...methodsOf(Health, healthService(parts.readiness, names), probe),
    ...methodsOf(ReflectionV1, reflectionV1(reflected), probe),
    ...methodsOf(ReflectionV1Alpha, reflectionV1Alpha(reflected), probe),
  ];
  return new Map(methods.map((method) => [method.path, method]));
}
