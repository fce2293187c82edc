/** What this process shows of itself: watchers, slots, instances, and the queues that it sees. */
import type { Clock } from "./clock.ts";
import type { MessageQueue } from "./queue/contract.ts";
import type { Store } from "./store/contract.ts";
import { observeQueues } from "./tasks/queue-gauges.ts";
import type { OwnedTaskManager } from "./tasks/task-manager.ts";
import { METRICS } from "./telemetry/metric-definitions.ts";
import type { Metrics, Reading } from "./telemetry/metrics.ts";
import type { Worker } from "./worker/worker.ts";

export interface ObservedParts {
  readonly metrics: Metrics;
  readonly store: Store;
  readonly queue: MessageQueue;
  readonly clock: Clock;
  readonly agents: { queues(): string[] };
  readonly manager: OwnedTaskManager;
  /** Undefined in a gateway. */
  readonly worker: Worker | undefined;
}

export function observeRuntime(parts: ObservedParts): void {
  const { metrics, manager, worker, clock, agents } = parts;
  observeQueues({ ...parts, queueNames: () => agents.queues() });
  metrics.observe(METRICS.watchers, () => only(manager.watcherCount()));
  metrics.observe(METRICS.watcherBytes, () => only(manager.watcherBytes()));
  metrics.observe(METRICS.workers, () => only(worker ? 1 : 0));
  metrics.observe(METRICS.slots, () => {
    const busyCount = worker?.busyCount() ?? 0;
    return [
      { value: busyCount, values: ["busy"] },
      { value: Math.max(0, (worker?.slots ?? 0) - busyCount), values: ["free"] },
    ];
  });
  metrics.observe(METRICS.instances, () => only(worker?.instanceFigures().activeCount ?? 0));
  metrics.observe(METRICS.oldestRunningAge, () => {
    const startedAt = worker?.oldestStartedAt();
    return only(startedAt === undefined ? 0 : (clock.monotonic() - startedAt) / 1000);
  });
}

function only(value: number): Reading<readonly []>[] {
  return [{ value, values: [] }];
}
