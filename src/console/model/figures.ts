/** Figures over time, from answers that are asked for again and again. */
import type {
  GetTaskManagerStatusResponse,
  QueueStats,
  Worker,
} from "../../../gen/agentlane/v1/operations_service_pb.js";

/** What the server says at one moment. */
export interface Reading {
  /** Unix ms. */
  readonly at: number;
  readonly status: GetTaskManagerStatusResponse;
  readonly queues: readonly QueueStats[];
  readonly workers: readonly Worker[];
}

/** One point of the charts; null where nothing can be said. */
export interface Sample {
  /** Unix seconds, as the chart wants them. */
  readonly time: number;
  /** Tasks that ended well since the sample before, per second. */
  readonly completedRate: number | null;
  readonly failedRate: number | null;
  readonly pending: number;
  readonly running: number;
  readonly waiting: number;
  readonly slots: number;
  readonly instances: number;
}

/** Half an hour at one every two seconds. */
export const MAX_SAMPLES = 900;
/** A longer silence is a gap, not an average over it. */
const MAX_STEP_MS = 15_000;

export function sampleOf(reading: Reading, before: Reading | undefined): Sample {
  const { at, status, queues } = reading;
  return {
    time: at / 1000,
    completedRate: rate(reading, before, ({ completedMessages }) => completedMessages),
    failedRate: rate(reading, before, ({ failedMessages }) => failedMessages),
    pending: sum(queues, ({ pendingMessages }) => pendingMessages),
    running: status.runningTasks,
    waiting: sum(queues, ({ waitingMessages }) => waitingMessages),
    slots: status.workerCount,
    instances: status.activeInstances,
  };
}

export function withSample(samples: readonly Sample[], sample: Sample): readonly Sample[] {
  return [...samples, sample].slice(-MAX_SAMPLES);
}

/** Null at first, after a gap, and when a counter went back: then it is another store's. */
function rate(
  reading: Reading,
  before: Reading | undefined,
  counter: (queue: QueueStats) => bigint,
): number | null {
  if (!before || reading.at <= before.at || reading.at - before.at > MAX_STEP_MS) return null;
  const step = total(reading, counter) - total(before, counter);
  return step < 0 ? null : (step * 1000) / (reading.at - before.at);
}

function total({ queues }: Reading, counter: (queue: QueueStats) => bigint): number {
  return sum(queues, (queue) => Number(counter(queue)));
}

function sum(queues: readonly QueueStats[], figure: (queue: QueueStats) => number): number {
  return queues.reduce((all, queue) => all + figure(queue), 0);
}
