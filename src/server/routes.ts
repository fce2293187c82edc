/** Which services are served. */
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { AdminService } from "../../gen/agentlane/v1/admin_service_pb.js";
import { AgentService } from "../../gen/agentlane/v1/agent_service_pb.js";
import { OperationsService } from "../../gen/agentlane/v1/operations_service_pb.js";
import { SessionService } from "../../gen/agentlane/v1/session_service_pb.js";
import { TaskService } from "../../gen/agentlane/v1/task_service_pb.js";
import { file_google_rpc_error_details as errorDetails } from "../../gen/google/rpc/error_details_pb.js";
import { Health } from "../../gen/grpc/health/v1/health_pb.js";
import { ServerReflection as ReflectionV1 } from "../../gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ReflectionV1Alpha } from "../../gen/grpc/reflection/v1alpha/reflection_pb.js";
import type { ApiKeys } from "../auth/api-keys.ts";
import type { Operations } from "../tasks/operations.ts";
import type { SessionManager } from "../tasks/session-manager.ts";
import type { TaskManager } from "../tasks/task-manager.ts";
import type { TenantDeletion } from "../tasks/tenant-deletion.ts";
import { adminService } from "./admin-service.ts";
import { agentService } from "./agent-service.ts";
import { ALL_NEEDS, healthService, type Need, type Readiness } from "./health.ts";
import { operationsService } from "./operations-service.ts";
import type { ServerOptions } from "./options.ts";
import { reflectionV1, reflectionV1Alpha } from "./reflection.ts";
import { type DuringDrain, methodsOf, type RpcMethod } from "./rpc.ts";
import { sessionService } from "./session-service.ts";
import { taskService } from "./task-service.ts";

export interface ServiceParts {
  readonly manager: TaskManager;
  readonly sessions: SessionManager;
  readonly operations: Operations;
  readonly apiKeys: ApiKeys;
  readonly tenants: TenantDeletion;
  readonly readiness: Readiness;
  /** Of them only the size of a reply, and whether reflection is served, concern the services. */
  readonly options: Pick<ServerOptions, "maxMessageBytes" | "reflection">;
}

/**
 * What each service needs to answer. Those but the first answer from the store; a task that is
 * submitted while the queue is away waits for its doorbell, and a drain refuses new work alone.
 */
const NEEDS: readonly (readonly [DescService, readonly Need[]])[] = [
  [AgentService, ALL_NEEDS],
  [TaskService, ["store"]],
  [SessionService, ["store"]],
  [OperationsService, ["store"]],
  [AdminService, ["store"]],
];

/** Of TaskService: what brings work, and what lasts as long as work does. */
function taskServiceDuringDrain({ name }: DescMethod): DuringDrain {
  return name === "SubmitTask" || name === "WatchTask" ? "refused" : "answered";
}

/** By path. */
export function createRoutes(parts: ServiceParts): ReadonlyMap<string, RpcMethod> {
  const { maxMessageBytes, reflection } = parts.options;
  const own = NEEDS.map(([service]) => service);
  const services: DescService[] = [...own, Health, ReflectionV1, ReflectionV1Alpha];
  const reflected = { services, files: [errorDetails] };
  const needs = new Map(NEEDS.map(([{ typeName }, needed]) => [typeName, needed]));
  const methods = [
    ...methodsOf(AgentService, agentService(parts.manager), "refused"),
    ...methodsOf(TaskService, taskService(parts.manager, maxMessageBytes), taskServiceDuringDrain),
    ...methodsOf(SessionService, sessionService(parts.sessions, maxMessageBytes), "answered"),
    ...methodsOf(OperationsService, operationsService(parts.operations), "answered"),
    ...methodsOf(AdminService, adminService(parts.apiKeys, parts.tenants), "answered"),
    ...methodsOf(Health, healthService(parts.readiness, needs), "uncounted"),
    ...(reflection
      ? [
          ...methodsOf(ReflectionV1, reflectionV1(reflected), "uncounted"),
          ...methodsOf(ReflectionV1Alpha, reflectionV1Alpha(reflected), "uncounted"),
        ]
      : []),
  ];
  return new Map(methods.map((method) => [method.path, method]));
}
