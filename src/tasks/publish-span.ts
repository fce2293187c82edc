/** The PRODUCER span of a submit, and the headers that carry the trace through the message. */
import {
  type Context,
  context,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { Priority } from "../../gen/agentlane/v1/task_pb.js";
import {
  ATTR_ERROR_TYPE,
  ATTR_MESSAGING_CONVERSATION_ID,
  ATTR_MESSAGING_DESTINATION_NAME,
  ATTR_MESSAGING_MESSAGE_ID,
  ATTR_MESSAGING_OPERATION_NAME,
  ATTR_MESSAGING_OPERATION_TYPE,
  ATTR_MESSAGING_SYSTEM_NAME,
  ATTR_TASK_PRIORITY,
  MESSAGING_OPERATION_PUBLISH,
  MESSAGING_TYPE_SEND,
  SCOPE_NAME,
} from "../telemetry/names.ts";
import { injectTrace } from "../telemetry/propagation.ts";

export interface PublishAttributes {
  readonly queueType: string;
  readonly queue: string;
  readonly taskId: string;
  readonly sessionId: string;
  readonly priority: Priority;
}

export interface TraceCarrier {
  readonly headers: Record<string, string>;
  /** Empty when tracing is off. */
  readonly traceId: string;
}

const NOT_TRACED: TraceCarrier = { headers: {}, traceId: "" };

/** Of a trace that is not sampled: its headers say so, and whoever gets them does not sample it either. */
function unsampled(spanContext: SpanContext, from: Context): TraceCarrier {
  if (!trace.isSpanContextValid(spanContext)) return NOT_TRACED;
  return { headers: injectTrace(from), traceId: spanContext.traceId };
}

export async function withPublishSpan<T>(
  attributes: PublishAttributes,
  run: (carrier: TraceCarrier) => Promise<T>,
): Promise<T> {
  const parent = context.active();
  const caller = trace.getSpan(parent);
  if (caller && !caller.isRecording()) return run(unsampled(caller.spanContext(), parent));
  const span = trace.getTracer(SCOPE_NAME).startSpan(
    `publish ${attributes.queue}`,
    {
      kind: SpanKind.PRODUCER,
      attributes: {
        [ATTR_MESSAGING_SYSTEM_NAME]: attributes.queueType,
        [ATTR_MESSAGING_DESTINATION_NAME]: attributes.queue,
        [ATTR_MESSAGING_OPERATION_NAME]: MESSAGING_OPERATION_PUBLISH,
        [ATTR_MESSAGING_OPERATION_TYPE]: MESSAGING_TYPE_SEND,
        [ATTR_MESSAGING_MESSAGE_ID]: attributes.taskId,
        [ATTR_TASK_PRIORITY]: Priority[attributes.priority],
        ...(attributes.sessionId && { [ATTR_MESSAGING_CONVERSATION_ID]: attributes.sessionId }),
      },
    },
    parent,
  );
  const { traceId } = span.spanContext();
  if (!span.isRecording()) {
    return run(unsampled(span.spanContext(), trace.setSpan(parent, span)));
  }
  const active = trace.setSpan(parent, span);
  const headers = injectTrace(active);
  try {
    return await context.with(active, () => run({ headers, traceId }));
  } catch (error) {
    span.setStatus({ code: SpanStatusCode.ERROR });
    span.setAttribute(ATTR_ERROR_TYPE, error instanceof Error ? error.name : "unknown");
    throw error;
  } finally {
    span.end();
  }
}
