/** Traces and metrics of this process, started and stopped as one: before everything else, and after it. */
import { inOrder, type Service } from "../lifecycle.ts";
import { createMetrics, type Metrics, NO_METRICS } from "./metrics.ts";
import { createMetricsExport, type MetricsOptions } from "./metrics-export.ts";
import { createProcessMetrics } from "./process-metrics.ts";
import { startTracing, type TracingOptions, type TracingSetup } from "./tracing.ts";

export interface TelemetryOptions {
  /** Undefined = off. */
  readonly tracing: TracingOptions | undefined;
  readonly metrics: MetricsOptions | undefined;
}

export interface Telemetry extends Service {
  readonly instruments: Metrics;
}

export function createTelemetry(options: TelemetryOptions, setup: TracingSetup): Telemetry {
  const tracing = startTracing(options.tracing, setup);
  if (!options.metrics) return { ...inOrder([tracing]), instruments: NO_METRICS };
  const metrics = createMetrics(setup.clock);
  const parts = [
    tracing,
    createProcessMetrics(metrics, setup.clock),
    createMetricsExport(options.metrics, { ...setup, metrics }),
  ];
  return { ...inOrder(parts), instruments: metrics };
}
