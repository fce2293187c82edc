import { propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  InMemorySpanExporter,
  SimpleSpanProcessor,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { afterAll, expect, test } from "vitest";
import { postChat, user } from "./openai-harness.ts";
import { startTestServer } from "./test-server.ts";

const exporter = new InMemorySpanExporter();
const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";

trace.setGlobalTracerProvider(
  new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }),
);
propagation.setGlobalPropagator(new W3CTraceContextPropagator());
afterAll(() => {
  trace.disable();
  propagation.disable();
});

test("a call is a span of the client's trace, named by method and route", async () => {
  const { server, url } = await startTestServer();
  const headers = { traceparent: `00-${TRACE_ID}-b7ad6b7169203331-01` };
  for (const model of ["echo", "failing"]) {
    const body = { model, stream: true, messages: [user("hi")] };
    await (await postChat(`${url}/v1`, body, headers)).text();
  }
  await (await fetch(`${url}/v1/models`)).text();
  await (await fetch(`${url}/v1/models/secret-id`)).text();
  await server.stop();
  const [done, failed, listed, read] = exporter.getFinishedSpans();
  expect(done).toMatchObject({
    name: "POST /v1/chat/completions",
    kind: SpanKind.SERVER,
    parentSpanContext: { traceId: TRACE_ID },
    attributes: { "http.request.method": "POST", "http.route": "/v1/chat/completions" },
    status: { code: SpanStatusCode.UNSET },
  });
  expect(failed).toMatchObject({
    attributes: { "error.type": "UNAVAILABLE" },
    status: { code: SpanStatusCode.ERROR },
  });
  expect(listed?.name).toBe("GET /v1/models");
  expect(read?.name).toBe("GET /v1/models/{model}");
});
