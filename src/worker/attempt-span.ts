/** The spans of an attempt: CONSUMER `process`, and under it `invoke_agent`. */
import {
  type Context,
  context,
  type Span,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from "@opentelemetry/api";
import type { QueueMessage, TaskRecord } from "../../gen/agentlane/store/v1/record_pb.js";
import { AttemptOutcome, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import * as names from "../telemetry/names.ts";
import { extractTrace } from "../telemetry/propagation.ts";

export interface AttemptSpan {
  /** W3C span id; empty when tracing is off. */
  readonly spanId: string;
  /** The claim succeeded after this wait in the queue. */
  claimed(record: TaskRecord, workerId: string, queueWaitMs: number): void;
  /** Runs the executor inside `invoke_agent`. */
  invoke<T>(record: TaskRecord, framework: string, run: () => Promise<T>): Promise<T>;
  /** Nothing of a span that never ended is exported: a stale doorbell leaves no trace. */
  end(state: TaskState | undefined, errorReason: string): void;
}

export function startAttemptSpan(message: QueueMessage, queueType: string): AttemptSpan {
  const parent = extractTrace(message.traceHeaders);
  const tracer = trace.getTracer(names.SCOPE_NAME);
  const attributes = {
    [names.ATTR_MESSAGING_SYSTEM_NAME]: queueType,
    [names.ATTR_MESSAGING_DESTINATION_NAME]: message.queue,
    [names.ATTR_MESSAGING_OPERATION_NAME]: names.MESSAGING_OPERATION_PROCESS,
    [names.ATTR_MESSAGING_OPERATION_TYPE]: names.MESSAGING_TYPE_PROCESS,
    [names.ATTR_MESSAGING_MESSAGE_ID]: message.taskId,
  };
  const kind = SpanKind.CONSUMER;
  const span = tracer.startSpan(`process ${message.queue}`, { kind, attributes }, parent);
  if (!span.isRecording()) return unrecorded(span);
  const active = trace.setSpan(parent, span);
  return {
    spanId: span.spanContext().spanId,
    claimed(record, workerId, queueWaitMs) {
      span.setAttributes({
        [names.ATTR_TASK_ID]: message.taskId,
        [names.ATTR_TASK_ATTEMPT]: record.task?.attempt ?? 0,
        [names.ATTR_WORKER_ID]: workerId,
        [names.ATTR_QUEUE_WAIT_MS]: queueWaitMs,
        ...(record.task?.sessionId && {
          [names.ATTR_MESSAGING_CONVERSATION_ID]: record.task.sessionId,
        }),
      });
      span.addEvent(names.EVENT_CLAIMED, { [names.ATTR_QUEUE_WAIT_MS]: queueWaitMs });
      linkToPrevious(span, record);
    },
    invoke: (record, framework, run) => invokeAgent(active, record, framework, run),
    end(state, errorReason) {
      if (state !== undefined) span.setAttribute(names.ATTR_TASK_STATE, TaskState[state]);
      fail(span, errorReason);
      span.end();
    },
  };
}

/** Not sampled, or tracing is off. What would be below it is not sampled either, and not begun. */
function unrecorded(span: Span): AttemptSpan {
  const spanContext = span.spanContext();
  return {
    spanId: trace.isSpanContextValid(spanContext) ? spanContext.spanId : "",
    claimed: () => undefined,
    invoke: (_record, _framework, run) => run(),
    end: () => undefined,
  };
}

/** A retry is a child of the same publish, and links to the attempt before it. */
function linkToPrevious(span: Span, record: TaskRecord): void {
  const task = record.task;
  const previous = task?.attempts.at(-2);
  if (!task || !previous?.spanId) return;
  const isRedrive = previous.outcome === AttemptOutcome.FAILED && task.consumedAttempts === 0;
  span.addLink({
    context: { traceId: task.traceId, spanId: previous.spanId, traceFlags: TraceFlags.SAMPLED },
    attributes: {
      [names.ATTR_LINK_REASON]:
        isRedrive && task.redriveCount > 0 ? names.LINK_REDRIVE : names.LINK_RETRY,
    },
  });
}

async function invokeAgent<T>(
  parent: Context,
  record: TaskRecord,
  framework: string,
  run: () => Promise<T>,
): Promise<T> {
  const agentId = record.task?.agentId ?? "";
  const span = trace.getTracer(names.SCOPE_NAME).startSpan(
    `invoke_agent ${agentId}`,
    {
      kind: SpanKind.INTERNAL,
      attributes: {
        [names.ATTR_GEN_AI_OPERATION_NAME]: names.GEN_AI_OPERATION_INVOKE_AGENT,
        [names.ATTR_GEN_AI_PROVIDER_NAME]: framework,
        [names.ATTR_GEN_AI_AGENT_ID]: agentId,
        [names.ATTR_GEN_AI_AGENT_NAME]: agentId,
        ...(record.task?.sessionId && {
          [names.ATTR_GEN_AI_CONVERSATION_ID]: record.task.sessionId,
        }),
      },
    },
    parent,
  );
  try {
    return await context.with(trace.setSpan(parent, span), run);
  } catch (error) {
    fail(span, error instanceof Error ? error.name : "unknown");
    throw error;
  } finally {
    span.end();
  }
}

function fail(span: Span, errorReason: string): void {
  if (errorReason === "") return;
  span.setStatus({ code: SpanStatusCode.ERROR });
  span.setAttribute(names.ATTR_ERROR_TYPE, errorReason);
}
