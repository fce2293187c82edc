/** The thread that exports spans: what it is given, what it loses, and how it ends. */
import {
  context,
  createTraceState,
  ROOT_CONTEXT,
  SpanKind,
  TraceFlags,
  trace,
} from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, type ReadableSpan, TracerProvider } from "@opentelemetry/sdk-trace";
import { afterEach, expect, test, vi } from "vitest";
import { spansOfText, spansToText } from "../../src/telemetry/span-batch.ts";
import { createSpanThread, type SpanThread } from "../../src/telemetry/span-exporter.ts";
import { type OtlpReceiver, startOtlpReceiver } from "../harness/otlp-receiver.ts";

let receiver: OtlpReceiver | undefined;
let thread: SpanThread | undefined;

afterEach(async () => {
  await thread?.terminate();
  await receiver?.close();
  thread = receiver = undefined;
});

function started(endpoint: string) {
  const warnings: string[] = [];
  const data = { endpoint, headers: {}, resourceAttributes: { "service.name": "lane" } };
  thread = createSpanThread(data, (message) => void warnings.push(message));
  const processor = new BatchSpanProcessor({
    exporter: thread.exporter,
    scheduledDelayMillis: 100,
    maxExportBatchSize: 50,
  });
  const tracer = new TracerProvider({ spanProcessors: [processor] }).getTracer("test");
  return { warnings, processor, tracer };
}

async function withReceiver() {
  receiver = await startOtlpReceiver();
  return { ...started(`${receiver.endpoint}/v1/traces`), receiver };
}

test("all spans that ended before the shutdown arrive, in batches of the size that was asked for", async () => {
  const { processor, tracer, receiver, warnings } = await withReceiver();
  for (let number = 0; number < 333; number++) tracer.startSpan(`span ${number}`).end();
  await processor.shutdown();
  const names = receiver.spans.map(({ name }) => name);
  expect(new Set(names).size).toBe(333);
  expect(receiver.requests.length).toBeGreaterThanOrEqual(7);
  expect(warnings).toEqual([]);
});

test("a few spans do not wait for more", async () => {
  const { tracer, receiver } = await withReceiver();
  tracer.startSpan("alone").end();
  await vi.waitFor(() => expect(receiver.spans.map(({ name }) => name)).toEqual(["alone"]), 10_000);
});

test("a thread that crashes is told of, and the next spans start another one", async () => {
  const { processor, tracer, warnings } = started("no address");
  for (let time = 1; time <= 2; time++) {
    tracer.startSpan("lost").end();
    await expect(processor.forceFlush()).rejects.toThrow(/thread .* ended/);
    await vi.waitFor(() => expect(warnings.filter(isCrash)).toHaveLength(time), 10_000);
  }
  await processor.shutdown();
});

function isCrash(message: string): boolean {
  return message.startsWith("the thread that exports spans crashed");
}

test("a span is the same behind the text", () => {
  const ended: ReadableSpan[] = [];
  const processor = {
    onStart: () => undefined,
    onEnd: (span: ReadableSpan) => void ended.push(span),
    forceFlush: async () => undefined,
    shutdown: async () => undefined,
  };
  const resource = resourceFromAttributes({ "service.name": "lane" });
  const tracer = new TracerProvider({ resource, spanProcessors: [processor] }).getTracer("t", "1");
  const remote = {
    traceId: "a".repeat(32),
    spanId: "b".repeat(16),
    traceFlags: TraceFlags.SAMPLED,
  };
  const parent = trace.setSpanContext(ROOT_CONTEXT, {
    ...{ ...remote, isRemote: true, traceState: createTraceState("vendor=1") },
  });
  const attributes = { text: 'ü"\n\u0000', n: 1.5, no: false, list: ["a", "b"] };
  const links = [{ context: remote, attributes: { why: "retry" } }];
  const span = tracer.startSpan("x", { kind: SpanKind.CONSUMER, attributes, links }, parent);
  context.with(parent, () => span.addEvent("claimed", { ms: 3 }));
  span.setStatus({ code: 2, message: "bad" }).end();

  const [before] = ended;
  const [after] = spansOfText(spansToText(ended), resource);
  const { traceState, ...own } = { traceState: undefined, ...(before?.spanContext() ?? remote) };
  expect(after?.spanContext()).toMatchObject({ ...own, isRemote: false });
  expect(after?.spanContext().traceState?.serialize()).toBe("vendor=1");
  expect(traceState?.serialize()).toBe("vendor=1");
  expect(after?.parentSpanContext).toMatchObject({ ...remote, isRemote: true });
  for (const field of ["name", "kind", "startTime", "endTime", "duration", "status"] as const) {
    expect(after?.[field]).toEqual(before?.[field]);
  }
  for (const field of ["attributes", "events", "instrumentationScope", "resource"] as const) {
    expect(after?.[field]).toEqual(before?.[field]);
  }
  expect(after?.links).toMatchObject(links);
});
