import { context, propagation, ROOT_CONTEXT, SpanKind, trace } from "@opentelemetry/api";
import { afterEach, expect, test } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { loadConfig } from "../../src/config.ts";
import type { Service } from "../../src/lifecycle.ts";
import { silentLogger } from "../../src/telemetry/logging.ts";
import { extractTrace, injectTrace } from "../../src/telemetry/propagation.ts";
import { startTracing, tracer } from "../../src/telemetry/tracing.ts";
import { type OtlpReceiver, startOtlpReceiver } from "../harness/otlp-receiver.ts";

let receiver: OtlpReceiver | undefined;
let tracing: Service | undefined;

afterEach(async () => {
  await tracing?.stop();
  await receiver?.close();
  tracing = receiver = undefined;
});

async function started(env: Record<string, string> = {}): Promise<OtlpReceiver> {
  receiver = await startOtlpReceiver();
  tracing = startTracing(
    loadConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint, ...env }).tracing,
    { version: "1.2.3", instanceId: "i1", logger: silentLogger, clock: systemClock },
  );
  await tracing.start();
  return receiver;
}

const sampledParent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
const unsampledParent = `00-${"a".repeat(32)}-${"b".repeat(16)}-00`;

test("a collector receives the spans with parents, links, attributes and resource", async () => {
  const { spans, requests } = await started({
    OTEL_SERVICE_NAME: "lane",
    OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test%20lab",
    OTEL_EXPORTER_OTLP_HEADERS: "x-key=k%201",
  });
  tracer().startActiveSpan("outer", { kind: SpanKind.SERVER }, (outer) => {
    const inner = tracer().startSpan("inner", {
      kind: SpanKind.PRODUCER,
      attributes: { "agentlane.task.id": "t1", n: 2, ok: true },
      links: [{ context: outer.spanContext() }],
    });
    inner.addEvent("seen", { at: 1 });
    inner.end();
    outer.end();
  });
  await tracing?.stop();

  expect(requests.map((request) => request.path)).toEqual(["/v1/traces"]);
  expect(requests[0]?.headers["x-key"]).toBe("k 1");
  const outer = spans.find((span) => span.name === "outer");
  const inner = spans.find((span) => span.name === "inner");
  expect(outer).toMatchObject({ kind: 2, parentSpanId: "" });
  expect(inner).toMatchObject({
    kind: 4,
    traceId: outer?.traceId,
    parentSpanId: outer?.spanId,
    attributes: { "agentlane.task.id": "t1", n: 2, ok: true },
    links: [{ traceId: outer?.traceId, spanId: outer?.spanId }],
    events: [{ name: "seen", attributes: { at: 1 } }],
    resource: {
      "service.name": "lane",
      "service.version": "1.2.3",
      "service.instance.id": "i1",
      "deployment.environment.name": "test lab",
    },
  });
});

test("off registers nothing", async () => {
  const provider = trace.getTracerProvider();
  tracing = startTracing(loadConfig({}).tracing, {
    version: "1",
    instanceId: "i",
    logger: silentLogger,
    clock: systemClock,
  });
  await tracing.start();
  const span = tracer().startSpan("x");
  expect(span.isRecording()).toBe(false);
  expect(injectTrace(trace.setSpan(ROOT_CONTEXT, span))).toEqual({});
  expect(propagation.fields()).toEqual([]);
  expect(context.with(ROOT_CONTEXT.setValue(Symbol("k"), 1), () => context.active())).toBe(
    ROOT_CONTEXT,
  );
  expect(trace.getTracerProvider()).toBe(provider);
});

test("stop takes everything away, and tracing can start again", async () => {
  const first = await started();
  tracer().startSpan("one").end();
  await tracing?.stop();
  expect(tracer().startSpan("lost").isRecording()).toBe(false);
  await tracing?.start();
  tracer().startSpan("two").end();
  await tracing?.stop();
  expect(first.spans.map((span) => span.name)).toEqual(["one", "two"]);
});

test("the context travels through W3C headers", async () => {
  const { spans } = await started();
  const parent = tracer().startSpan("parent");
  const headers = injectTrace(
    propagation.setBaggage(
      trace.setSpan(ROOT_CONTEXT, parent),
      propagation.createBaggage({ tenant: { value: "a" } }),
    ),
  );
  expect(headers).toMatchObject({
    traceparent: `00-${parent.spanContext().traceId}-${parent.spanContext().spanId}-01`,
    baggage: "tenant=a",
  });
  for (const carrier of [headers, new Headers(headers)]) {
    const restored = extractTrace(carrier);
    expect(trace.getSpanContext(restored)?.spanId).toBe(parent.spanContext().spanId);
    expect(propagation.getBaggage(restored)?.getEntry("tenant")?.value).toBe("a");
    tracer().startSpan("child", {}, restored).end();
  }
  parent.end();
  await tracing?.stop();
  const children = spans.filter((span) => span.name === "child");
  expect(children.map((span) => span.parentSpanId)).toEqual([
    parent.spanContext().spanId,
    parent.spanContext().spanId,
  ]);
});

test.each(["", "00-zz-zz-01", "x".repeat(100_000)])(
  "a bad traceparent counts as absent",
  async (traceparent) => {
    await started();
    expect(trace.getSpanContext(extractTrace({ traceparent }))).toBeUndefined();
  },
);

test.each([
  ["always_on", "1", unsampledParent, true],
  ["always_off", "1", sampledParent, false],
  ["traceidratio", "0", sampledParent, false],
  ["traceidratio", "1", unsampledParent, true],
  ["parentbased_always_on", "1", unsampledParent, false],
  ["parentbased_always_on", "1", "", true],
  ["parentbased_always_off", "1", sampledParent, true],
  ["parentbased_always_off", "1", "", false],
  ["parentbased_traceidratio", "0", sampledParent, true],
  ["parentbased_traceidratio", "0", "", false],
])("sampler %s(%s) under %s keeps: %s", async (sampler, arg, traceparent, kept) => {
  await started({ OTEL_TRACES_SAMPLER: sampler, OTEL_TRACES_SAMPLER_ARG: arg });
  const span = tracer().startSpan("x", {}, extractTrace({ traceparent }));
  expect(span.isRecording()).toBe(kept);
  span.end();
});

test("a collector that is down is reported and holds nothing up", async () => {
  const warnings: string[] = [];
  tracing = startTracing(
    loadConfig({
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1",
      OTEL_BSP_EXPORT_TIMEOUT: "200",
    }).tracing,
    {
      version: "1",
      instanceId: "i",
      logger: { ...silentLogger, warn: (message) => void warnings.push(message) },
      clock: systemClock,
    },
  );
  await tracing.start();
  tracer().startSpan("lost").end();
  await tracing.stop();
  expect(warnings.length).toBeGreaterThan(0);
});
