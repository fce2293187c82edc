/**
 * The journal of tasks: one line in the log and one count for each state change, by the process that
 * wrote the change. What is not known is not told twice: a process that dies between the write and
 * the line, or whose store answers too late, leaves the line out; nobody makes up for it.
 */
import { AttemptOutcome, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import type { TaskRef } from "../store/contract.ts";
import type { Logger } from "../telemetry/logging.ts";
import { METRICS } from "../telemetry/metric-definitions.ts";
import type { Metrics } from "../telemetry/metrics.ts";

export interface JournalEntry extends TaskRef {
  readonly agentId: string;
  /** The newest one; 0 before the first. */
  readonly attempt: number;
  readonly previous: TaskState;
  readonly state: TaskState;
  /** Of the error; empty = none. */
  readonly reason: string;
  /** Of a start: the wait in the queue. Of an end: the attempt. Undefined = neither. */
  readonly durationMs?: number | undefined;
  /** How the attempt ended, where the state alone does not say it. */
  readonly outcome?: AttemptOutcome | undefined;
  /** Hex; absent or empty = those of the active span. */
  readonly traceId?: string | undefined;
  readonly spanId?: string | undefined;
}

export interface TaskJournal {
  changed(entry: JournalEntry): void;
}

export interface JournalParts {
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Only ids of agents that are configured become attributes: others come from clients. */
  readonly isKnownAgent: (agentId: string) => boolean;
}

/** In place of the id of an agent that is not configured (any more). */
const UNKNOWN_AGENT = "unknown";

export const NO_JOURNAL: TaskJournal = { changed: () => undefined };

export function createJournal({ logger, metrics, isKnownAgent }: JournalParts): TaskJournal {
  const transitions = metrics.counter(METRICS.transitions);
  const attempts = metrics.counter(METRICS.attempts);
  const retries = metrics.counter(METRICS.retries);
  const deadLetters = metrics.counter(METRICS.deadLetters);
  const redrives = metrics.counter(METRICS.redrives);

  function count({ agentId, previous, state, reason, outcome }: JournalEntry): void {
    const agent = isKnownAgent(agentId) ? agentId : UNKNOWN_AGENT;
    transitions.add(1, agent, TaskState[state]);
    if (previous === TaskState.RUNNING) {
      attempts.add(1, agent, AttemptOutcome[outcome ?? outcomeOfState(state)]);
    }
    if (state === TaskState.RETRY_WAIT) retries.add(1, agent, reason);
    if (state === TaskState.FAILED) deadLetters.add(1, agent, reason);
    if (previous === TaskState.FAILED) redrives.add(1, agent);
  }

  return {
    changed(entry) {
      count(entry);
      const { tenant, taskId, agentId, attempt, previous, state, reason } = entry;
      const { durationMs, traceId, spanId } = entry;
      logger.info("task", {
        tenant,
        task_id: taskId,
        agent: agentId,
        attempt,
        state: TaskState[state],
        ...(previous !== TaskState.UNSPECIFIED && { previous: TaskState[previous] }),
        ...(durationMs !== undefined && { duration_ms: Math.round(durationMs * 10) / 10 }),
        ...(reason && { reason }),
        ...(traceId && { trace_id: traceId }),
        ...(spanId && { span_id: spanId }),
      });
    },
  };
}

function outcomeOfState(state: TaskState): AttemptOutcome {
  switch (state) {
    case TaskState.COMPLETED:
      return AttemptOutcome.COMPLETED;
    case TaskState.INPUT_REQUIRED:
      return AttemptOutcome.INPUT_REQUIRED;
    case TaskState.CANCELED:
      return AttemptOutcome.CANCELED;
    case TaskState.QUEUED:
      return AttemptOutcome.RELEASED;
    default:
      return AttemptOutcome.FAILED;
  }
}
