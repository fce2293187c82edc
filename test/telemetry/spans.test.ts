import { ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { TraceState } from "@opentelemetry/core";
import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  AlwaysOnSampler,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { RecordedSpan } from "../../src/telemetry/spans/recorded-span.ts";
import { SpanBatch } from "../../src/telemetry/spans/span-batch.ts";
import { resourceBytes } from "../../src/telemetry/spans/span-bytes.ts";
import { createSpanIds } from "../../src/telemetry/spans/span-ids.ts";
import { createSpanQueue } from "../../src/telemetry/spans/span-queue.ts";
import { createTracerProvider } from "../../src/telemetry/spans/span-tracer.ts";
import { fakeClock } from "../fakes/fake-clock.ts";

const RESOURCE = resourceFromAttributes({ "service.name": "läne", "service.instance.id": "1" });

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.string({ minLength: 120, maxLength: 200 }),
);
const number = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.constantFrom(2 ** 60, -(2 ** 62), 2 ** 63),
);
const plain = fc.oneof(text, number, fc.boolean());
const value = fc.oneof(
  plain,
  fc.array(plain, { maxLength: 4 }),
  fc.uint8Array({ maxLength: 200 }),
  fc.constantFrom(null, undefined, Symbol("no value"), new Date(0)),
  fc.dictionary(text, fc.oneof(plain, fc.array(plain, { maxLength: 2 }))),
);
const attributes = fc.dictionary(
  fc.oneof(text, fc.constantFrom("a", "b", "gen_ai.operation.name")),
  value,
  { maxKeys: 10 },
);
const many = fc
  .nat(140)
  .map((count) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, index])),
  );
const time = fc.tuple(fc.integer({ min: 1.7e9, max: 4e9 }), fc.nat(999_999_999));
const hex = (bytes: number) =>
  fc
    .uint8Array({ minLength: bytes, maxLength: bytes })
    .map((array) => Buffer.from(array).toString("hex"))
    .filter((digits) => /[^0]/.test(digits));
const link = fc.record({
  context: fc.record({
    traceId: hex(16),
    spanId: hex(8),
    traceFlags: fc.nat(1),
    isRemote: fc.boolean(),
  }),
  attributes,
});
const script = fc.record({
  name: text,
  kind: fc.constantFrom(0, 1, 2, 3, 4),
  startTime: time,
  attributes: fc.oneof(attributes, many),
  later: fc.oneof(attributes, many),
  links: fc.array(link, { maxLength: 2 }),
  laterLinks: fc.oneof(
    fc.array(link, { maxLength: 2 }),
    link.map((one) => Array.from({ length: 130 }, () => one)),
  ),
  events: fc.array(fc.record({ name: text, attributes, time }), { maxLength: 3 }),
  eventCopies: fc.constantFrom(1, 1, 1, 60),
  statuses: fc.array(
    fc.record({
      code: fc.constantFrom(SpanStatusCode.UNSET, SpanStatusCode.OK, SpanStatusCode.ERROR),
      message: fc.option(text, { nil: undefined }),
    }),
    { maxLength: 3 },
  ),
  // The SDK puts one without a name and a message into a text.
  exception: fc.option(
    fc.record({ name: text, message: text, stack: text }, { noNullPrototype: true }),
  ),
  endTime: time,
  scope: fc.constantFrom(["agentlane"], ["graph", "1.0"], ["graph", "1.0", "https://schema/1"]),
  parent: fc.option(
    fc.record({
      traceId: hex(16),
      spanId: hex(8),
      traceFlags: fc.nat(1),
      isRemote: fc.boolean(),
      traceState: fc.constantFrom(undefined, new TraceState("vendor=1,other=2")),
    }),
  ),
});
type Script = typeof script extends fc.Arbitrary<infer T> ? T : never;

/** The same calls at the API, whoever is behind it. */
function play(provider: Pick<TracerProvider, "getTracer">, step: Script): Span {
  const [name = "", version, schemaUrl] = step.scope;
  const tracer = provider.getTracer(name, version, schemaUrl ? { schemaUrl } : {});
  const context = step.parent
    ? trace.setSpanContext(ROOT_CONTEXT, step.parent as never)
    : ROOT_CONTEXT;
  const span = tracer.startSpan(
    step.name,
    {
      kind: step.kind,
      startTime: step.startTime,
      attributes: step.attributes as never,
      links: step.links as never,
    },
    context,
  );
  span.setAttributes(step.later as never);
  span.addLinks(step.laterLinks as never);
  for (let copy = 0; copy < step.eventCopies; copy++) {
    for (const event of step.events)
      span.addEvent(event.name, event.attributes as never, event.time);
  }
  for (const status of step.statuses) span.setStatus(status as never);
  if (step.exception) span.recordException(step.exception, step.startTime);
  span.end(step.endTime);
  span.setAttribute("too late", true);
  return span;
}

const counting = () => {
  let traceCount = 0;
  let spanCount = 0;
  return {
    generateTraceId: () => (++traceCount).toString(16).padStart(32, "0"),
    generateSpanId: () => (++spanCount).toString(16).padStart(16, "0"),
  };
};

function ours(onEnd: (span: RecordedSpan) => void, clock = fakeClock()) {
  return createTracerProvider({
    sampler: new AlwaysOnSampler(),
    followsParent: false,
    ids: counting(),
    clock,
    onEnd,
  });
}

test("what leaves is byte for byte what the SDK's tracer and exporter would send", () => {
  fc.assert(
    fc.property(fc.array(script, { minLength: 1, maxLength: 4 }), (scripts) => {
      const exporter = new InMemorySpanExporter();
      const sdk = new TracerProvider({
        resource: RESOURCE,
        sampler: new AlwaysOnSampler(),
        idGenerator: counting(),
        spanProcessors: [new SimpleSpanProcessor({ exporter })],
      });
      const batch = new SpanBatch();
      const own = ours((span) => batch.add(span));
      for (const step of scripts) {
        play(sdk, step);
        play(own, step);
      }
      const expected = ProtobufTraceSerializer.serializeRequest(exporter.getFinishedSpans());
      const sent = batch.request(resourceBytes(RESOURCE.attributes));
      expect(Buffer.from(sent).toString("hex")).toBe(Buffer.from(expected ?? []).toString("hex"));
    }),
    { numRuns: 300 },
  );
}, 120_000);

test("spans of one process keep their order when the wall clock is set, and follow it", async () => {
  const clock = fakeClock();
  const ended: RecordedSpan[] = [];
  let setBy = 0;
  const tracer = ours((span) => ended.push(span), {
    ...clock,
    now: () => clock.now() + setBy,
  }).getTracer("t");
  const startMs = () => {
    tracer.startSpan("s").end();
    const [seconds = 0, nanos = 0] = ended.at(-1)?.startTime ?? [];
    return seconds * 1000 + nanos / 1e6 - clock.now();
  };
  expect(startMs()).toBeCloseTo(0, 3);
  setBy = -1;
  expect(startMs()).toBeCloseTo(0, 3);
  setBy = 60_000;
  expect(startMs()).toBeCloseTo(60_000, 3);
});

test("ids are never all zeros", () => {
  let filled = 0;
  const ids = createSpanIds((bytes) => bytes.fill(filled++ === 0 ? 0 : 0xab));
  expect(ids.generateSpanId()).toBe("ab".repeat(8));
  expect(ids.generateTraceId()).toBe("ab".repeat(16));
});

describe("the queue of spans", () => {
  const span = (name = "s", attributes = {}) =>
    new RecordedSpan(
      {
        scope: { name: "t", version: undefined, schemaUrl: undefined },
        now: () => 1000,
        ended: () => undefined,
      },
      {
        context: { traceId: "a".repeat(32), spanId: "b".repeat(16), traceFlags: 1 },
        parent: undefined,
        name,
        kind: SpanKind.INTERNAL,
        attributes,
        links: [],
        startTime: undefined,
      },
    );

  function queueOf(limits: { maxQueueSize?: number; maxExportBatchSize?: number } = {}) {
    const clock = fakeClock();
    const told: unknown[] = [];
    const answers: { resolve(): void; reject(error: Error): void }[] = [];
    const queue = createSpanQueue({
      clock,
      scheduleDelayMs: 5000,
      maxQueueSize: 10,
      maxExportBatchSize: 4,
      ...limits,
      send: (batch) => {
        told.push(`sent ${batch.spanCount}`);
        return new Promise((resolve, reject) => answers.push({ resolve, reject }));
      },
      onFailure: (spanCount) => told.push(`failed ${spanCount}`),
      onDropped: (spanCount) => told.push(`dropped ${spanCount}`),
    });
    const addMany = (count: number) => {
      for (let at = 0; at < count; at++) queue.add(span());
    };
    /** Ends the request that is under way. */
    const answer = async (error?: Error) => {
      const pending = answers.shift();
      if (error) pending?.reject(error);
      else pending?.resolve();
      await clock.advance(0);
    };
    return { clock, told, queue, addMany, answer };
  }

  it("sends a full batch at once, a smaller one after the delay, and one at a time", async () => {
    const { clock, told, addMany, answer } = queueOf();
    addMany(9);
    expect(told).toEqual(["sent 4"]);
    await answer();
    expect(told).toEqual(["sent 4", "sent 4"]);
    await clock.advance(5000);
    expect(told).toHaveLength(2);
    await answer();
    expect(told).toEqual(["sent 4", "sent 4", "sent 1"]);
    await answer();
    expect(clock.timerCount).toBe(0);
  });

  it("drops what does not fit, tells how many when there is room, and goes on", async () => {
    const { told, addMany, answer } = queueOf();
    addMany(4 + 10 + 3);
    await answer(new Error("collector is away"));
    addMany(1);
    expect(told).toEqual(["sent 4", "failed 4", "sent 4", "dropped 3"]);
  });

  it("goes off with fewer spans where they are large", () => {
    const { told, queue } = queueOf();
    queue.add(span("large", { content: "x".repeat(1024 * 1024) }));
    expect(told).toEqual(["sent 1"]);
  });

  it("keeps no more than 32 MiB", async () => {
    const { told, queue, answer } = queueOf({ maxQueueSize: 1000 });
    const content = "x".repeat(1024 * 1024);
    for (let at = 0; at < 50; at++) queue.add(span("large", { content }));
    await answer();
    queue.add(span());
    expect(told).toContain("dropped 17");
  });

  it("closes when all is sent, and takes nothing after", async () => {
    const { told, queue, addMany, answer, clock } = queueOf();
    addMany(6);
    const closed = queue.close();
    addMany(1);
    await answer();
    await answer();
    await closed;
    expect(told).toEqual(["sent 4", "sent 2"]);
    expect(clock.timerCount).toBe(0);
  });
});
