/**
 * Gauges that ask store and broker. However many read them, they ask at most once in a while, for a
 * bounded number of queues, and what one of the two does not answer leaves a gap in its own gauges.
 */
import { Priority } from "../../gen/agentlane/v1/task_pb.js";
import type { Clock } from "../clock.ts";
import type { MessageQueue, QueueDepth } from "../queue/contract.ts";
import type { QueueFigures, Store } from "../store/contract.ts";
import { METRICS } from "../telemetry/metric-definitions.ts";
import type { Metrics } from "../telemetry/metrics.ts";

/** Half the shortest interval at which anybody scrapes. */
const MAX_AGE_MS = 2500;
const MAX_QUEUES = 100;

export interface QueueGaugeParts {
  readonly metrics: Metrics;
  readonly store: Store;
  readonly queue: MessageQueue;
  readonly clock: Clock;
  /** Those that agents name: they are shown before anything was submitted. */
  readonly queueNames: () => readonly string[];
}

export function observeQueues({ metrics, store, queue, clock, queueNames }: QueueGaugeParts): void {
  const names = remembered(clock, async () => {
    const known = new Set([...queueNames(), ...(await store.log.queues())]);
    return [...known].sort().slice(0, MAX_QUEUES);
  });
  const figures = remembered(clock, async () => ofEach(await names(), store.log.figures));
  const depths = remembered(clock, async () => ofEach(await names(), (name) => queue.depth(name)));
  const overdueMs = remembered(clock, async () => {
    const [first] = await store.tasks.expired(1);
    const endedAt = first?.record.leaseExpiresAt;
    if (!endedAt) return 0;
    return Math.max(0, clock.now() - Number(endedAt.seconds) * 1000 - endedAt.nanos / 1e6);
  });

  metrics.observe(METRICS.queueTasks, async () =>
    (await figures()).flatMap(([name, each]) =>
      tasksByPlace(each).map(([place, value]) => ({ value, values: [name, place] as const })),
    ),
  );
  metrics.observe(METRICS.queueMessages, async () =>
    (await depths()).flatMap(([name, { pendingByPriority }]) =>
      LEVELS.map((level) => ({
        value: pendingByPriority.get(level) ?? 0,
        values: [name, Priority[level]] as const,
      })),
    ),
  );
  metrics.observe(METRICS.oldestReadyAge, async () =>
    (await depths()).map(([name, depth]) => ({
      value: ageMs(depth, clock.now()) / 1000,
      values: [name] as const,
    })),
  );
  metrics.observe(METRICS.overdueLeaseAge, async () => [
    { value: (await overdueMs()) / 1000, values: [] as const },
  ]);
}

const LEVELS = [Priority.LOW, Priority.NORMAL, Priority.HIGH, Priority.URGENT] as const;

function ageMs({ oldestPublishedAt }: QueueDepth, nowMs: number): number {
  return oldestPublishedAt === undefined ? 0 : Math.max(0, nowMs - oldestPublishedAt);
}

function tasksByPlace(figures: QueueFigures): [place: string, count: number][] {
  return [
    ["ready", figures.readyCount],
    ["waiting", figures.waitingCount - figures.retryWaitCount],
    ["retry_wait", figures.retryWaitCount],
    ["running", figures.runningCount],
    ["dead_letter", figures.deadLetterCount],
  ];
}

async function ofEach<T>(
  names: readonly string[],
  ask: (name: string) => Promise<T>,
): Promise<[string, T][]> {
  return Promise.all(names.map(async (name): Promise<[string, T]> => [name, await ask(name)]));
}

/** The answer, or the failure, for all who ask within MAX_AGE_MS. */
function remembered<T>(clock: Clock, ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  let askedAt = Number.NEGATIVE_INFINITY;
  return () => {
    const now = clock.monotonic();
    if (!answer || now - askedAt >= MAX_AGE_MS) {
      askedAt = now;
      answer = ask();
    }
    return answer;
  };
}
