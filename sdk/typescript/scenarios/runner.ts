/**
 * The scenario runner of this SDK: `node runner.ts grpc|grpc-js|web URL`. A line of JSON in, a line
 * of JSON out; test/sdk/README.md describes both.
 */
import { createInterface } from "node:readline";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { connect as connectGrpcJs } from "../src/grpc-js.ts";
import {
  AgentlaneError,
  type CallOptions,
  connect,
  MultitaskStrategy,
  type StreamEvent,
  TaskState,
  type Turn,
  type TurnResult,
  type TurnStream,
} from "../src/node.ts";
import { textOf } from "../src/turn.ts";
import { connect as connectWeb } from "../src/web.ts";

interface Request {
  readonly op: string;
  readonly agent_id?: string;
  readonly session_id?: string;
  readonly text?: string;
  readonly resume?: JsonValue;
  readonly input?: JsonValue;
  readonly configurable?: JsonObject;
  readonly idempotency_key?: string;
  readonly metadata?: Record<string, string>;
  readonly max_attempts?: number;
  readonly multitask_strategy?: keyof typeof MultitaskStrategy;
  readonly timeout_ms?: number;
  readonly abort_after_ms?: number;
  readonly stop_after_events?: number;
  readonly task_id?: string;
  readonly after_sequence?: number;
}

const [kind = "grpc", url = ""] = process.argv.slice(2);
const connects = { grpc: connect, "grpc-js": connectGrpcJs, web: connectWeb };
const client = connects[kind as keyof typeof connects](url);

for await (const line of createInterface({ input: process.stdin })) {
  const observation = await perform(JSON.parse(line)).then(
    (fields) => ({ ok: true, ...fields }),
    (error: unknown) => ({ ok: false, error: errorOf(error) }),
  );
  console.log(JSON.stringify(observation));
}
client.close();

async function perform(request: Request): Promise<object> {
  const { agent_id: agentId = "", session_id: sessionId = "", task_id: taskId = "" } = request;
  const options = optionsOf(request);
  switch (request.op) {
    case "execute":
      return resultFields(await client.execute(turnOf(request), options));
    case "stream":
      return streamFields(client.stream(turnOf(request), options), request);
    case "watch": {
      const afterSequence = request.after_sequence ?? 0;
      return streamFields(client.watch(taskId, { ...options, afterSequence }), request);
    }
    case "submit": {
      const { task, existing } = await client.submit(turnOf(request), options);
      return { task_id: task?.taskId, state: TaskState[task?.state ?? 0], existing };
    }
    case "cancel": {
      const key = { idempotencyKey: request.idempotency_key ?? "" };
      const task = await client.cancel(taskId || key, options);
      return { task_id: task.taskId, state: TaskState[task.state] };
    }
    case "getTask": {
      const { state, result } = await client.getTask(taskId, options);
      return { task_id: taskId, state: TaskState[state], text: textOf(result?.messages.at(-1)) };
    }
    case "getSession": {
      const { context } = await client.getSession(agentId, sessionId, options);
      return {
        session_version: Number(context?.version),
        history_count: context?.history.length,
      };
    }
    case "destroySession":
      await client.destroySession(agentId, sessionId, options);
      return {};
    case "listDeadLetters": {
      const { tasks } = await client.listDeadLetters({ agentId }, options);
      return { task_ids: tasks.map((task) => task.taskId) };
    }
    case "redrive": {
      const { redrivenTaskIds } = await client.redrive([taskId], options);
      return { task_ids: redrivenTaskIds };
    }
    default:
      throw new Error(`unknown op ${request.op}`);
  }
}

function turnOf(request: Request): Turn {
  const { multitask_strategy: strategy } = request;
  return {
    agentId: request.agent_id ?? "",
    sessionId: request.session_id,
    text: request.text,
    resume: request.resume,
    input: request.input,
    configurable: request.configurable,
    idempotencyKey: request.idempotency_key,
    metadata: request.metadata,
    maxAttempts: request.max_attempts,
    multitaskStrategy: strategy && MultitaskStrategy[strategy],
  };
}

function optionsOf({ timeout_ms: deadlineMs, abort_after_ms: abortMs }: Request): CallOptions {
  return { deadlineMs, signal: abortMs === undefined ? undefined : AbortSignal.timeout(abortMs) };
}

async function streamFields(stream: TurnStream, request: Request): Promise<object> {
  const events: StreamEvent[] = [];
  let stopped = false;
  for await (const event of stream) {
    events.push(event);
    stopped = events.length === request.stop_after_events;
    if (stopped) break;
  }
  const result = stopped || stream.state === TaskState.FAILED ? undefined : await stream.final();
  const tools = events.flatMap(({ event: { kind } }) => {
    if (kind.case === "toolCallStarted") return [kind.value.call?.name];
    return kind.case === "toolCallFinished" ? [kind.value.name] : [];
  });
  return {
    ...(result && resultFields(result)),
    task_id: stream.taskId,
    state: stream.state === undefined ? undefined : TaskState[stream.state],
    text: stream.text || undefined,
    sequences: events.map(({ sequence }) => sequence),
    restarts: events.filter(({ restarted }) => restarted).length,
    tool_events: tools.length > 0 ? tools : undefined,
  };
}

function resultFields(result: TurnResult): object {
  return {
    task_id: result.taskId,
    state: TaskState[result.state],
    text: result.text || undefined,
    interrupts: result.interrupts.length > 0 ? result.interrupts : undefined,
    state_json: result.graphState,
    session_version: result.sessionVersion || undefined,
  };
}

function errorOf(error: unknown): object {
  if (!(error instanceof AgentlaneError)) return { code: "UNKNOWN", message: String(error) };
  const { code, reason, message, taskId, retryAfterMs, fieldViolations } = error;
  const fields = fieldViolations.map(({ field }) => field);
  return {
    code,
    reason,
    message,
    task_id: taskId,
    retry_after_ms: retryAfterMs,
    fields: fields.length > 0 ? fields : undefined,
  };
}
