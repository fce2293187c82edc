/**
 * The tracer behind OpenTelemetry's API. Sampling, propagation, limits and what leaves are the SDK's;
 * spans are ours, because the SDK's took a quarter of what a call costs (docs/decisions/0024).
 */
import {
  type Context,
  context as contexts,
  INVALID_SPAN_CONTEXT,
  isSpanContextValid,
  type Span,
  type SpanContext,
  SpanKind,
  type SpanOptions,
  TraceFlags,
  type Tracer,
  type TracerProvider,
  trace,
} from "@opentelemetry/api";
import { isTracingSuppressed } from "@opentelemetry/core";
import {
  type IdGenerator,
  type Sampler,
  SamplingDecision,
  type SamplingResult,
} from "@opentelemetry/sdk-trace";
import type { Clock } from "../../clock.ts";
import { RecordedSpan, type SpanHost } from "./recorded-span.ts";

export interface TracerParts {
  readonly sampler: Sampler;
  /** Whether the sampler keeps whatever is below a span that is kept. */
  readonly followsParent: boolean;
  readonly ids: IdGenerator;
  readonly clock: Clock;
  /** Called with each span that is sampled, at its end. */
  readonly onEnd: (span: RecordedSpan) => void;
}

/** Scopes beyond are told as the last one: their names come from what an agent loads. */
const MAX_SCOPES = 100;

export function createTracerProvider(parts: TracerParts): TracerProvider {
  const tracers = new Map<string, Tracer>();
  const now = createEpochClock(parts.clock);
  return {
    getTracer(name, version, options) {
      const schemaUrl = options?.schemaUrl;
      const key = version || schemaUrl ? `${name}@${version ?? ""}:${schemaUrl ?? ""}` : name;
      const known = tracers.get(key);
      if (known) return known;
      const scope = { name, version, schemaUrl };
      const tracer = new SpanTracer(parts, { scope, now, ended: parts.onEnd });
      if (tracers.size < MAX_SCOPES) tracers.set(key, tracer);
      return tracer;
    },
  };
}

const SAMPLED: SamplingResult = { decision: SamplingDecision.RECORD_AND_SAMPLED };

function parentOf(above: Span | undefined): SpanContext | undefined {
  const context = above?.spanContext();
  if (!context || above instanceof RecordedSpan) return context;
  return isSpanContextValid(context) ? context : undefined;
}

class SpanTracer implements Tracer {
  readonly #parts: TracerParts;
  readonly #host: SpanHost;

  constructor(parts: TracerParts, host: SpanHost) {
    this.#parts = parts;
    this.#host = host;
  }

  startSpan(name: string, options: SpanOptions = {}, given: Context = contexts.active()): Span {
    const context = options.root ? trace.deleteSpan(given) : given;
    if (isTracingSuppressed(context)) return trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
    const { sampler, ids } = this.#parts;
    const { kind = SpanKind.INTERNAL, attributes = {}, links = [], startTime } = options;
    const above = trace.getSpan(context);
    const parent = parentOf(above);
    const traceId = parent ? parent.traceId : ids.generateTraceId();
    const sampled =
      this.#parts.followsParent && above instanceof RecordedSpan
        ? SAMPLED
        : sampler.shouldSample(context, traceId, name, kind, attributes, links);
    const isSampled = sampled.decision === SamplingDecision.RECORD_AND_SAMPLED;
    const traceState = sampled.traceState ?? parent?.traceState;
    const spanContext = {
      traceId,
      spanId: ids.generateSpanId(),
      traceFlags: isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
      ...(traceState && { traceState }),
    };
    if (!isSampled) return trace.wrapSpanContext(spanContext);
    return new RecordedSpan(this.#host, {
      context: spanContext,
      parent,
      name,
      kind,
      attributes: sampled.attributes ? { ...attributes, ...sampled.attributes } : attributes,
      links,
      startTime,
    });
  }

  startActiveSpan<F extends (span: Span) => ReturnType<F>>(
    name: string,
    ...rest: [F] | [SpanOptions, F] | [SpanOptions, Context, F]
  ): ReturnType<F> {
    const [options, given, run] =
      rest.length === 1
        ? [{}, undefined, rest[0]]
        : rest.length === 2
          ? [rest[0], undefined, rest[1]]
          : rest;
    const parent = given ?? contexts.active();
    const span = this.startSpan(name, options, parent);
    return contexts.with(trace.setSpan(parent, span), run, undefined, span);
  }
}

/** How far the steady clock may be from the wall clock, which has whole milliseconds and is set at times. */
const MAX_DRIFT_MS = 2;

/** Time of the epoch that goes on steadily, so that spans of one process keep their order. */
function createEpochClock(clock: Clock): () => number {
  let origin = clock.now() - clock.monotonic();
  return () => {
    const at = origin + clock.monotonic();
    const drift = clock.now() - at;
    if (Math.abs(drift) <= MAX_DRIFT_MS) return at;
    origin += drift;
    return at + drift;
  };
}
