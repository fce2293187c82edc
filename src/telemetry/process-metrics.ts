/** What the process itself costs: its event loop, its CPU, its memory. */
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import type { Clock } from "../clock.ts";
import { type Service, service } from "../lifecycle.ts";
import { METRICS } from "./metric-definitions.ts";
import type { Metrics, Reading } from "./metrics.ts";

/** How exactly lateness is measured; each look costs a timer. */
const RESOLUTION_MS = 20;
/** Readers in quick succession see the same figures: a reading starts the next interval. */
const MIN_INTERVAL_MS = 1000;

export function createProcessMetrics(metrics: Metrics, clock: Clock): Service {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  let busy = performance.eventLoopUtilization();
  let readAt = Number.NEGATIVE_INFINITY;
  let last = { mean: 0, p50: 0, p99: 0, max: 0, utilization: 0 };

  function look(): typeof last {
    const now = clock.monotonic();
    if (now - readAt < MIN_INTERVAL_MS) return last;
    readAt = now;
    const { utilization } = performance.eventLoopUtilization(busy);
    busy = performance.eventLoopUtilization();
    last = {
      mean: lateness(delay.mean),
      p50: lateness(delay.percentile(50)),
      p99: lateness(delay.percentile(99)),
      max: lateness(delay.max),
      utilization,
    };
    delay.reset();
    return last;
  }

  metrics.observe(METRICS.loopDelayMean, () => only(look().mean));
  metrics.observe(METRICS.loopDelayP50, () => only(look().p50));
  metrics.observe(METRICS.loopDelayP99, () => only(look().p99));
  metrics.observe(METRICS.loopDelayMax, () => only(look().max));
  metrics.observe(METRICS.loopUtilization, () => only(look().utilization));
  metrics.observe(METRICS.cpuTime, () => {
    const { user, system } = process.cpuUsage();
    return [
      { value: user / 1e6, values: ["user"] },
      { value: system / 1e6, values: ["system"] },
    ];
  });
  metrics.observe(METRICS.memoryUsage, () => only(process.memoryUsage.rss()));
  metrics.observe(METRICS.heapUsed, () => only(process.memoryUsage().heapUsed));

  return service(
    async () => void delay.enable(),
    async () => void delay.disable(),
  );
}

/** The histogram counts the time between two looks, which the resolution is a part of. */
function lateness(nanoseconds: number): number {
  return Number.isFinite(nanoseconds) ? Math.max(0, nanoseconds / 1e9 - RESOLUTION_MS / 1000) : 0;
}

function only(value: number): Reading<readonly []>[] {
  return [{ value, values: [] }];
}
