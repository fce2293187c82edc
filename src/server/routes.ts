/** Which services are served. */
import type { DescService } from "@bufbuild/protobuf";
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
import { healthService, type Readiness } from "./health.ts";
import { operationsService } from "./operations-service.ts";
import type { ServerOptions } from "./options.ts";
import { reflectionV1, reflectionV1Alpha } from "./reflection.ts";
import { methodsOf, type RpcMethod } from "./rpc.ts";
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

/** By path. */
export function createRoutes(parts: ServiceParts): ReadonlyMap<string, RpcMethod> {
  const { maxMessageBytes, reflection } = parts.options;
  const own: DescService[] = [
    ...[AgentService, TaskService, SessionService],
    ...[OperationsService, AdminService],
  ];
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
    ...methodsOf(AdminService, adminService(parts.apiKeys, parts.tenants), work),
    ...methodsOf(Health, healthService(parts.readiness, names), probe),
    ...(reflection
      ? [
          ...methodsOf(ReflectionV1, reflectionV1(reflected), probe),
          ...methodsOf(ReflectionV1Alpha, reflectionV1Alpha(reflected), probe),
        ]
      : []),
  ];
  return new Map(methods.map((method) => [method.path, method]));
}
