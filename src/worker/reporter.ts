/**
 * Reports the worker's load and instances to the registry: at once when something changed, but no
 * closer together than the store asks for, and as a heartbeat when nothing does.
 */
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { WorkerSchema } from "../../gen/agentlane/v1/operations_service_pb.js";
import type { Clock, Timer } from "../clock.ts";
import type { InstanceManager } from "../executor/instance-manager.ts";
import { type Service, service } from "../lifecycle.ts";
import type { WorkerStore } from "../store/worker-registry.ts";

const HEARTBEAT_MS = 5000;
/** Three missed heartbeats. */
const TTL_MS = 15_000;

export interface ReporterParts {
  readonly workers: WorkerStore;
  readonly instances: InstanceManager;
  readonly clock: Clock;
  readonly worker: {
    readonly workerId: string;
    readonly queues: readonly string[];
    readonly slots: number;
    readonly version: string;
    readonly host: string;
  };
  readonly busyCount: () => number;
  readonly draining: () => boolean;
  readonly onFailure: (error: unknown) => void;
}

export interface Reporter extends Service {
  /** Something changed. */
  changed(): void;
  /** Resolves when everything that changed so far has been reported. */
  flush(): Promise<void>;
}

export function createReporter(parts: ReporterParts): Reporter {
  const { clock, instances } = parts;
  const startedAt = timestampFromMs(clock.now());
  let open = false;
  let timer: Timer | undefined;
  let lastAt = Number.NEGATIVE_INFINITY;
  let reporting: Promise<void> | undefined;
  let dirty = false;
  /** False: the registry never knew this worker or has forgotten it, or a report failed; it needs all. */
  let isKnown = false;

  function plan(inMs: number): void {
    timer?.clear();
    if (open) timer = clock.setTimer(inMs, start);
  }

  function start(): void {
    if (reporting) return;
    dirty = false;
    lastAt = clock.monotonic();
    reporting = report()
      .catch(parts.onFailure)
      .then(() => {
        reporting = undefined;
        plan(dirty ? parts.workers.minReportIntervalMs : HEARTBEAT_MS);
      });
  }

  async function report(): Promise<void> {
    const { changed, removed } = instances.takeChanges(!isKnown);
    const worker = create(WorkerSchema, {
      ...parts.worker,
      queues: [...parts.worker.queues],
      busySlots: parts.busyCount(),
      instanceCount: instances.figures().activeCount,
      startedAt,
      lastSeenAt: timestampFromMs(clock.now()),
      draining: parts.draining(),
    });
    const sentAll = !isKnown;
    isKnown = false;
    const { known } = await parts.workers.report({ worker, ttlMs: TTL_MS, changed, removed });
    isKnown = known || sentAll;
    if (!isKnown) dirty = true;
  }

  return {
    ...service(
      async () => {
        open = true;
        start();
        await reporting;
      },
      async () => {
        open = false;
        timer?.clear();
        await reporting;
        await parts.workers.remove(parts.worker.workerId).catch(parts.onFailure);
      },
    ),
    changed() {
      if (dirty || !open) return;
      dirty = true;
      const earliestAt = lastAt + parts.workers.minReportIntervalMs;
      if (!reporting) plan(Math.max(0, earliestAt - clock.monotonic()));
    },
    async flush() {
      while (open && (dirty || reporting)) {
        if (!reporting) start();
        await reporting;
      }
    },
  };
}
