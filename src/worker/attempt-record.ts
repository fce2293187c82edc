/** What is told of attempts, in the journal and in metrics. */
import type { QueueMessage } from "../../gen/agentlane/store/v1/record_pb.js";
import { Priority, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import type { Claim, Ending } from "../store/contract.ts";
import { outcomeOf } from "../store/messages.ts";
import type { TaskJournal } from "../tasks/journal.ts";
import { reasonOf } from "../tasks/retry.ts";
import { METRICS } from "../telemetry/metric-definitions.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { MESSAGING_OPERATION_PROCESS } from "../telemetry/names.ts";

export interface AttemptRecord {
  started(claim: Claim, message: QueueMessage, queueWaitMs: number, spanId: string): void;
  /** Its ending is written; `state` is what the task has become. */
  ended(claim: Claim, ending: Ending, state: TaskState, durationMs: number, spanId: string): void;
  /** It is over, whether or not its ending was ours to write; `reason` is that of a failure. */
  processed(queue: string, durationMs: number, reason: string): void;
  leaseLost(): void;
}

export function createAttemptRecord(
  journal: TaskJournal,
  metrics: Metrics,
  queueType: string,
): AttemptRecord {
  const waits = metrics.histogram(METRICS.queueWait);
  const durations = metrics.histogram(METRICS.messagingProcess);
  const losses = metrics.counter(METRICS.leaseLosses);

  return {
    started(claim, { queue, priority }, queueWaitMs, spanId) {
      waits.record(queueWaitMs / 1000, queue, Priority[priority]);
      journal.changed({
        ...subjectOf(claim, spanId),
        ...{ previous: TaskState.QUEUED, state: TaskState.RUNNING, reason: "" },
        durationMs: queueWaitMs,
      });
    },
    ended(claim, ending, state, durationMs, spanId) {
      journal.changed({
        ...subjectOf(claim, spanId),
        ...{ previous: TaskState.RUNNING, state, outcome: outcomeOf(ending), durationMs },
        reason: state === ending.state ? reasonOf(ending) : "CANCELED",
      });
    },
    processed(queue, durationMs, reason) {
      durations.record(durationMs / 1000, MESSAGING_OPERATION_PROCESS, queueType, queue, reason);
    },
    leaseLost: () => losses.add(1),
  };
}

function subjectOf({ lease, record: { task } }: Claim, spanId: string) {
  const { tenant, taskId, attempt } = lease;
  const { agentId = "", traceId = "" } = task ?? {};
  return { tenant, taskId, attempt, agentId, traceId, spanId: traceId && spanId };
}
