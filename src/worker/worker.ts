/** A worker: its instances, leases, slots and reports, started and stopped as one. */
import { hostname } from "node:os";
import type { Clock, Random } from "../clock.ts";
import { createInstanceManager, type InstanceFigures } from "../executor/instance-manager.ts";
import type { Router } from "../executor/router.ts";
import type { NewId } from "../ids.ts";
import { inOrder, type Service } from "../lifecycle.ts";
import type { EventBus, MessageQueue } from "../queue/contract.ts";
import type { Store, TaskRef } from "../store/contract.ts";
import type { Dispatcher } from "../tasks/dispatcher.ts";
import { type Metrics, NO_METRICS } from "../telemetry/metrics.ts";
import { createAttemptRecord } from "./attempt-record.ts";
import type { LogLimits } from "./event-log.ts";
import { createLeaseKeeper, type LeaseBackup } from "./lease-keeper.ts";
import { createReporter, type Reporter } from "./reporter.ts";
import { createWorkerPool } from "./worker-pool.ts";

export interface WorkerParts {
  readonly store: Store;
  readonly queue: MessageQueue;
  readonly bus: EventBus;
  readonly router: Router;
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  readonly random: Random;
  readonly newId: NewId;
  readonly version: string;
  /** Renews leases while the event loop is blocked; undefined where nobody else could end them. */
  readonly leaseBackup: LeaseBackup | undefined;
  readonly options: WorkerOptions;
  /** Default: off. */
  readonly metrics?: Metrics;
  readonly onProblem: (message: string, error: unknown, task: TaskRef) => void;
}

export interface WorkerOptions {
  readonly queues: readonly string[];
  /** Attempts at once (TASK_MANAGER_WORKERS). */
  readonly slots: number;
  readonly leaseMs: number;
  readonly leaseRenewIntervalMs: number;
  /** How long an aborted executor may take (CANCEL_GRACE). */
  readonly cancelGraceMs: number;
  readonly logLimits: LogLimits;
  readonly instanceTimeoutMs: number;
  readonly maxInstances: number;
}

export interface Worker extends Service {
  readonly workerId: string;
  /** Takes nothing new; resolves when no attempt runs, or after `timeoutMs`. */
  drain(timeoutMs: number): Promise<void>;
  /** Attempts that it runs at once. */
  readonly slots: number;
  busyCount(): number;
  /** Monotonic: when the oldest running attempt started; undefined = none runs. */
  oldestStartedAt(): number | undefined;
  /** Leases held; 0 when nothing runs. */
  heldLeaseCount(): number;
  /** When the queue last answered; 0 before. */
  lastPolledAt(): number;
  /** Evicts instances unused for the timeout; answers how many. */
  cleanUp(): number;
  instanceFigures(): InstanceFigures;
}

const NO_TASK: TaskRef = { tenant: "", taskId: "" };

export function createWorker(parts: WorkerParts): Worker {
  const { store, clock, options, leaseBackup, onProblem, metrics = NO_METRICS } = parts;
  const workerId = parts.newId();
  let reporter: Reporter | undefined;
  const onChange = (): void => reporter?.changed();
  const instances = createInstanceManager({
    sessions: store.sessions,
    clock,
    workerId,
    timeoutMs: options.instanceTimeoutMs,
    maxCount: options.maxInstances,
    metrics,
    onChange,
  });
  const leases = createLeaseKeeper({
    tasks: store.tasks,
    clock,
    leaseMs: options.leaseMs,
    renewIntervalMs: options.leaseRenewIntervalMs,
    backup: leaseBackup,
    onFailure: (error) => onProblem("leases could not be renewed", error, NO_TASK),
  });
  const pool = createWorkerPool({
    ...parts,
    instances,
    leases,
    workerId,
    queues: options.queues,
    slots: options.slots,
    leaseMs: options.leaseMs,
    abortGraceMs: options.cancelGraceMs,
    logLimits: options.logLimits,
    record: createAttemptRecord(parts.dispatcher.journal, metrics, parts.queue.type),
    onChange,
  });
  reporter = createReporter({
    workers: store.workers,
    instances,
    clock,
    worker: {
      workerId,
      queues: options.queues,
      slots: options.slots,
      version: parts.version,
      host: `${hostname()}:${process.pid}`,
    },
    busyCount: pool.busyCount,
    draining: pool.draining,
    onFailure: (error) => onProblem("the worker could not be reported", error, NO_TASK),
  });
  return {
    workerId,
    ...inOrder([...(leaseBackup ? [leaseBackup] : []), leases, reporter, pool]),
    drain: (timeoutMs) => pool.drain(timeoutMs),
    slots: options.slots,
    busyCount: pool.busyCount,
    oldestStartedAt: pool.oldestStartedAt,
    heldLeaseCount: leases.heldCount,
    lastPolledAt: pool.lastPolledAt,
    cleanUp: () => instances.cleanUp(),
    instanceFigures: () => instances.figures(),
  };
}
