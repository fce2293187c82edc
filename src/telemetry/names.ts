/**
 * The names of the OpenTelemetry semantic conventions that we use, version 1.45, in one file.
 * https://opentelemetry.io/docs/specs/semconv/ and, for gen_ai.*,
 * https://github.com/open-telemetry/semantic-conventions-genai. `agentlane.*` names are our own.
 */

/** Instrumentation scope of all our spans and metrics. */
export const SCOPE_NAME = "agentlane";

export const ATTR_ERROR_TYPE = "error.type";
export const ATTR_SERVICE_NAME = "service.name";
export const ATTR_SERVICE_VERSION = "service.version";
export const ATTR_SERVICE_INSTANCE_ID = "service.instance.id";
export const ATTR_CLIENT_ADDRESS = "client.address";
export const ATTR_SERVER_ADDRESS = "server.address";
export const ATTR_SERVER_PORT = "server.port";

export const ATTR_HTTP_REQUEST_METHOD = "http.request.method";
export const ATTR_HTTP_ROUTE = "http.route";

export const ATTR_RPC_SYSTEM_NAME = "rpc.system.name";
/** Fully qualified: `agentlane.v1.AgentService/Execute`. */
export const ATTR_RPC_METHOD = "rpc.method";
/** The code's name, e.g. `OK`, `DEADLINE_EXCEEDED`. */
export const ATTR_RPC_STATUS_CODE = "rpc.status_code";
export const RPC_SYSTEM_GRPC = "grpc";
export const RPC_SYSTEM_CONNECT = "connectrpc";
/** In metrics only: the convention knows no such system. */
export const RPC_SYSTEM_OPENAI = "openai";

/** memory, redis or rabbitmq. */
export const ATTR_MESSAGING_SYSTEM_NAME = "messaging.system.name";
export const ATTR_MESSAGING_DESTINATION_NAME = "messaging.destination.name";
/** The task's id: a doorbell has no other. */
export const ATTR_MESSAGING_MESSAGE_ID = "messaging.message.id";
export const ATTR_MESSAGING_CONVERSATION_ID = "messaging.message.conversation_id";
export const ATTR_MESSAGING_OPERATION_NAME = "messaging.operation.name";
export const ATTR_MESSAGING_OPERATION_TYPE = "messaging.operation.type";
export const MESSAGING_OPERATION_PUBLISH = "publish";
export const MESSAGING_OPERATION_PROCESS = "process";
/** Handing doorbells to the broker; `publish` is the whole accept, of which this is a part. */
export const MESSAGING_OPERATION_SEND = "send";
export const MESSAGING_OPERATION_ACK = "ack";
export const MESSAGING_OPERATION_NACK = "nack";
export const MESSAGING_TYPE_SEND = "send";
export const MESSAGING_TYPE_PROCESS = "process";

export const ATTR_DB_SYSTEM_NAME = "db.system.name";
export const ATTR_DB_OPERATION_NAME = "db.operation.name";

/** user or system. */
export const ATTR_CPU_MODE = "cpu.mode";

/** input or output. */
export const ATTR_GEN_AI_TOKEN_TYPE = "gen_ai.token.type";
export const GEN_AI_TOKEN_INPUT = "input";
export const GEN_AI_TOKEN_OUTPUT = "output";
export const ATTR_GEN_AI_OPERATION_NAME = "gen_ai.operation.name";
export const ATTR_GEN_AI_PROVIDER_NAME = "gen_ai.provider.name";
export const ATTR_GEN_AI_REQUEST_MODEL = "gen_ai.request.model";
export const ATTR_GEN_AI_REQUEST_STREAM = "gen_ai.request.stream";
export const ATTR_GEN_AI_RESPONSE_ID = "gen_ai.response.id";
export const ATTR_GEN_AI_RESPONSE_MODEL = "gen_ai.response.model";
export const ATTR_GEN_AI_RESPONSE_FINISH_REASONS = "gen_ai.response.finish_reasons";
/** Seconds. */
export const ATTR_GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK = "gen_ai.response.time_to_first_chunk";
export const ATTR_GEN_AI_AGENT_ID = "gen_ai.agent.id";
export const ATTR_GEN_AI_AGENT_NAME = "gen_ai.agent.name";
export const ATTR_GEN_AI_AGENT_DESCRIPTION = "gen_ai.agent.description";
/** The session's id. */
export const ATTR_GEN_AI_CONVERSATION_ID = "gen_ai.conversation.id";
export const ATTR_GEN_AI_TOOL_NAME = "gen_ai.tool.name";
export const ATTR_GEN_AI_TOOL_TYPE = "gen_ai.tool.type";
export const ATTR_GEN_AI_TOOL_CALL_ID = "gen_ai.tool.call.id";
export const ATTR_GEN_AI_USAGE_INPUT_TOKENS = "gen_ai.usage.input_tokens";
export const ATTR_GEN_AI_USAGE_OUTPUT_TOKENS = "gen_ai.usage.output_tokens";
export const ATTR_GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS = "gen_ai.usage.cache_read.input_tokens";
export const ATTR_GEN_AI_USAGE_REASONING_OUTPUT_TOKENS = "gen_ai.usage.reasoning.output_tokens";
/** Content: only with OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT. */
export const ATTR_GEN_AI_INPUT_MESSAGES = "gen_ai.input.messages";
export const ATTR_GEN_AI_OUTPUT_MESSAGES = "gen_ai.output.messages";
export const ATTR_GEN_AI_SYSTEM_INSTRUCTIONS = "gen_ai.system_instructions";
export const ATTR_GEN_AI_TOOL_CALL_ARGUMENTS = "gen_ai.tool.call.arguments";
export const ATTR_GEN_AI_TOOL_CALL_RESULT = "gen_ai.tool.call.result";
export const GEN_AI_OPERATION_INVOKE_AGENT = "invoke_agent";
export const GEN_AI_OPERATION_CHAT = "chat";
export const GEN_AI_OPERATION_EXECUTE_TOOL = "execute_tool";
export const GEN_AI_TOOL_TYPE_FUNCTION = "function";

export const ATTR_TASK_ID = "agentlane.task.id";
export const ATTR_TASK_STATE = "agentlane.task.state";
/** 1-based. */
export const ATTR_TASK_ATTEMPT = "agentlane.task.attempt";
export const ATTR_TASK_PRIORITY = "agentlane.task.priority";
export const ATTR_TENANT = "agentlane.tenant";
export const ATTR_WORKER_ID = "agentlane.worker.id";
/** Milliseconds between the publish and the claim. */
export const ATTR_QUEUE_WAIT_MS = "agentlane.queue.wait_ms";
/** Why a span links to another: `retry`, `redrive` or `resume`. */
export const ATTR_LINK_REASON = "agentlane.link.reason";
export const LINK_RETRY = "retry";
export const LINK_REDRIVE = "redrive";
export const LINK_RESUME = "resume";

export const ATTR_QUEUE = "agentlane.queue";
export const ATTR_PRIORITY = "agentlane.priority";
/** Of an attempt: an AttemptOutcome. */
export const ATTR_OUTCOME = "agentlane.attempt.outcome";
/** idle, room, replaced or stale. */
export const ATTR_EVICTION_CAUSE = "agentlane.instance.eviction.cause";
/** hit or miss. */
export const ATTR_LOOKUP_RESULT = "agentlane.instance.lookup.result";
/** busy or free. */
export const ATTR_SLOT_STATE = "agentlane.slot.state";
/** What was asked for with a fence that is none any more: append, finish or renew. */
export const ATTR_STORE_OPERATION = "agentlane.store.operation";
/** As the server lists it: agentlane-publish, … */
export const ATTR_CONNECTION = "agentlane.connection";

/** Span event on the consumer span: the task was claimed after waiting. */
export const EVENT_CLAIMED = "agentlane.claimed";
