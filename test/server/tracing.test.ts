import { context, propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import type { TaskManager } from "../../src/tasks/task-manager.ts";
import { fakeTaskManager } from "../fakes/fake-task-manager.ts";
import {
  closeSession,
  EXECUTE,
  enveloped,
  executeRequest,
  grpcAnswer,
  openGrpc,
  openSession,
  postJson,
  STREAM_EXECUTE,
} from "./raw.ts";
import { startTestServer } from "./test-server.ts";

const exporter = new InMemorySpanExporter();
const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
const traceparent = `00-${TRACE_ID}-b7ad6b7169203331-01`;

trace.setGlobalTracerProvider(
  new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }),
);
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
propagation.setGlobalPropagator(new W3CTraceContextPropagator());

beforeEach(() => exporter.reset());
afterAll(() => {
  trace.disable();
  context.disable();
  propagation.disable();
});

function onlySpan(): ReadableSpan {
  const spans = exporter.getFinishedSpans();
  expect(spans).toHaveLength(1);
  const [span] = spans;
  if (!span) throw new Error("no span");
  return span;
}

describe.each([true, false])("nativeGrpc %s", (nativeGrpc) => {
  /** Notes the span that is active where the manager is called. */
  function observing(seen: (string | undefined)[]): TaskManager {
    const manager = fakeTaskManager();
    return {
      ...manager,
      run(...args) {
        seen.push(trace.getActiveSpan()?.spanContext().spanId);
        return manager.run(...args);
      },
    };
  }

  test.each([EXECUTE, STREAM_EXECUTE])("%s is a child of the client's span", async (path) => {
    const seen: (string | undefined)[] = [];
    const { server, port } = await startTestServer({
      options: { nativeGrpc },
      parts: { manager: observing(seen) },
    });
    const session = await openSession(port);
    const stream = openGrpc(session, path, { traceparent });
    stream.end(enveloped(executeRequest("echo")));
    await grpcAnswer(stream);
    const span = onlySpan();
    expect(span).toMatchObject({
      name: path.slice(1),
      kind: SpanKind.SERVER,
      parentSpanContext: { traceId: TRACE_ID, spanId: "b7ad6b7169203331" },
      attributes: {
        "rpc.system.name": "grpc",
        "rpc.method": path.slice(1),
        "rpc.status_code": "OK",
        "server.address": "127.0.0.1",
      },
      status: { code: SpanStatusCode.UNSET },
    });
    expect(seen).toEqual([span.spanContext().spanId]);
    await closeSession(session);
    await server.stop();
  });

  test.each([
    ["failing", "UNAVAILABLE", SpanStatusCode.ERROR],
    ["unknown", "NOT_FOUND", SpanStatusCode.UNSET],
  ])("an error of %s is the span's status code", async (agent, code, status) => {
    const { server, port } = await startTestServer({ options: { nativeGrpc } });
    const session = await openSession(port);
    const stream = openGrpc(session, STREAM_EXECUTE);
    stream.end(enveloped(executeRequest(agent)));
    await grpcAnswer(stream);
    const span = onlySpan();
    expect(span.attributes).toMatchObject({ "rpc.status_code": code, "error.type": code });
    expect(span.status.code).toBe(status);
    await closeSession(session);
    await server.stop();
  });

  test("a disconnect ends the span of a stream that is parked", async () => {
    const { server, port, manager } = await startTestServer({ options: { nativeGrpc } });
    const session = await openSession(port);
    const stream = openGrpc(session, STREAM_EXECUTE);
    stream.on("error", () => undefined);
    stream.end(enveloped(executeRequest("endless")));
    await manager.started(1);
    expect(exporter.getFinishedSpans()).toHaveLength(0);
    stream.close(8);
    await manager.idle();
    await server.stop();
    expect(onlySpan().attributes["rpc.status_code"]).toBe("CANCELLED");
    await closeSession(session);
  });
});

test("Connect is named so", async () => {
  const { server, url } = await startTestServer();
  await postJson(url, EXECUTE, "{}", { traceparent });
  const span = onlySpan();
  expect(span.attributes).toMatchObject({
    "rpc.system.name": "connectrpc",
    "rpc.status_code": "INVALID_ARGUMENT",
  });
  expect(span.spanContext().traceId).toBe(TRACE_ID);
  await server.stop();
});
