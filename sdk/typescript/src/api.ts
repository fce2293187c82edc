/** What the package exports on every platform. */
export * from "../gen/agentlane/v1/admin_service_pb.js";
export * from "../gen/agentlane/v1/agent_service_pb.js";
export * from "../gen/agentlane/v1/chunk_pb.js";
export * from "../gen/agentlane/v1/content_pb.js";
export * from "../gen/agentlane/v1/operations_service_pb.js";
export * from "../gen/agentlane/v1/session_pb.js";
export * from "../gen/agentlane/v1/session_service_pb.js";
export * from "../gen/agentlane/v1/task_pb.js";
export * from "../gen/agentlane/v1/task_service_pb.js";
export {
  type AgentExecutionCommand,
  type AgentExecutionResult,
  ExecuteAgentServiceAdapter,
} from "./adapter.ts";
export { AgentlaneClient, type ClientOptions, type SubmitOptions } from "./client.ts";
export { AgentlaneError, type CodeName, type FieldViolation } from "./errors.ts";
export type { CallOptions, RetryOptions } from "./scope.ts";
export type { Turn, TurnResult } from "./turn.ts";
export { type StreamEvent, TurnStream } from "./turn-stream.ts";
