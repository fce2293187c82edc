/** A stream that goes on where another broke is a trace of its own: a link leads to the task's. */
import { type Span, TraceFlags, trace } from "@opentelemetry/api";
import type { Task } from "../../gen/agentlane/v1/task_pb.js";
import { ATTR_LINK_REASON, ATTR_TASK_ID, LINK_RESUME } from "../telemetry/names.ts";

/** The entries, and on the active span a link to the newest attempt; nothing is asked unless it is recorded. */
export function linkedToTask<T>(
  entries: AsyncIterable<T>,
  get: () => Promise<Task>,
): AsyncIterable<T> {
  const span = trace.getActiveSpan();
  if (!span?.isRecording()) return entries;
  return {
    [Symbol.asyncIterator]() {
      const reading = entries[Symbol.asyncIterator]();
      let linked: Promise<void> | undefined;
      return {
        async next() {
          // A task that is not found is told by the read.
          linked ??= get().then(
            (task) => link(span, task),
            () => undefined,
          );
          await linked;
          return reading.next();
        },
        async return() {
          return (await reading.return?.()) ?? { done: true, value: undefined };
        },
      };
    },
  };
}

function link(span: Span, { taskId, traceId, attempts }: Task): void {
  span.setAttribute(ATTR_TASK_ID, taskId);
  const spanId = attempts.findLast((attempt) => attempt.spanId !== "")?.spanId;
  if (!spanId || traceId === "") return;
  span.addLink({
    context: { traceId, spanId, traceFlags: TraceFlags.SAMPLED },
    attributes: { [ATTR_LINK_REASON]: LINK_RESUME },
  });
}
