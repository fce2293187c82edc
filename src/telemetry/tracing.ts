/**
 * Tracing: spans to an OTLP collector. Off = nothing is registered, and the API's own no-op objects
 * answer. The parts make spans by `tracer()`; only this file knows the SDK.
 */
import { context, DiagLogLevel, diag, propagation, type Tracer, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  CompositePropagator,
  W3CBaggagePropagator,
  W3CTraceContextPropagator,
} from "@opentelemetry/core";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import type { Clock } from "../clock.ts";
import { type Service, service } from "../lifecycle.ts";
import type { Logger } from "./logging.ts";
import {
  ATTR_SERVICE_INSTANCE_ID,
  ATTR_SERVICE_NAME,
  ATTR_SERVICE_VERSION,
  SCOPE_NAME,
} from "./names.ts";
import { warningsOnly } from "./span-diagnostics.ts";
import { createSpanThread, type SpanThread } from "./span-exporter.ts";

export interface TracingOptions {
  /** Full URL of the OTLP/HTTP traces endpoint. */
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly serviceName: string;
  readonly resourceAttributes: Readonly<Record<string, string>>;
  readonly sampler: SamplerName;
  /** For the traceidratio samplers, 0 to 1. */
  readonly samplerRatio: number;
  readonly scheduleDelayMs: number;
  readonly exportTimeoutMs: number;
  /** Ended spans kept for export; more are dropped. */
  readonly maxQueueSize: number;
  readonly maxExportBatchSize: number;
}

export type SamplerName =
  | "always_on"
  | "always_off"
  | "traceidratio"
  | "parentbased_always_on"
  | "parentbased_always_off"
  | "parentbased_traceidratio";

export interface TracingSetup {
  readonly version: string;
  /** service.instance.id. */
  readonly instanceId: string;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** How long a stop waits for the last export: a collector that is down must not hold a drain up. */
const LAST_EXPORT_MS = 5000;

/** The tracer of all our spans. Ask for it where a span begins: a kept one outlives a stop. */
export function tracer(): Tracer {
  return trace.getTracer(SCOPE_NAME);
}

/** Registers tracing on start and takes it away on stop, after the last spans are exported. */
export function startTracing(options: TracingOptions | undefined, setup: TracingSetup): Service {
  if (!options) return { start: () => Promise.resolve(), stop: () => Promise.resolve() };
  let provider: TracerProvider | undefined;
  let thread: SpanThread | undefined;
  const warn = (message: string): void => setup.logger.warn(`OpenTelemetry: ${message}`);
  return service(
    async () => {
      diag.setLogger(warningsOnly(warn), DiagLogLevel.WARN);
      const resourceAttributes = resourceAttributesOf(options, setup);
      const { endpoint, headers } = options;
      thread = createSpanThread({ endpoint, headers, resourceAttributes }, warn);
      provider = tracerProvider(options, resourceAttributes, thread.exporter);
      trace.setGlobalTracerProvider(provider);
      context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
      propagation.setGlobalPropagator(
        new CompositePropagator({
          propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()],
        }),
      );
    },
    async () => {
      const ending = provider?.shutdown().catch((error: unknown) => {
        setup.logger.warn("the last spans were not exported", { error });
      });
      const exported = new AbortController();
      await Promise.race([ending, setup.clock.sleep(LAST_EXPORT_MS, exported.signal)]);
      exported.abort();
      await thread?.terminate();
      trace.disable();
      context.disable();
      propagation.disable();
      diag.disable();
    },
  );
}

function resourceAttributesOf(
  options: TracingOptions,
  setup: TracingSetup,
): Readonly<Record<string, string>> {
  return {
    [ATTR_SERVICE_VERSION]: setup.version,
    [ATTR_SERVICE_INSTANCE_ID]: setup.instanceId,
    ...options.resourceAttributes,
    [ATTR_SERVICE_NAME]: options.serviceName,
  };
}

function tracerProvider(
  options: TracingOptions,
  resourceAttributes: Readonly<Record<string, string>>,
  exporter: SpanExporter,
): TracerProvider {
  return new TracerProvider({
    resource: resourceFromAttributes(resourceAttributes),
    sampler: samplerOf(options),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter,
        scheduledDelayMillis: options.scheduleDelayMs,
        exportTimeoutMillis: options.exportTimeoutMs,
        maxQueueSize: options.maxQueueSize,
        maxExportBatchSize: options.maxExportBatchSize,
      }),
    ],
  });
}

function samplerOf({ sampler, samplerRatio }: TracingOptions): Sampler {
  switch (sampler) {
    case "always_on":
      return new AlwaysOnSampler();
    case "always_off":
      return new AlwaysOffSampler();
    case "traceidratio":
      return new TraceIdRatioBasedSampler(samplerRatio);
    case "parentbased_always_on":
      return new ParentBasedSampler({ root: new AlwaysOnSampler() });
    case "parentbased_always_off":
      return new ParentBasedSampler({ root: new AlwaysOffSampler() });
    case "parentbased_traceidratio":
      return new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(samplerRatio) });
  }
}
