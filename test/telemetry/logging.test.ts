import { ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { expect, test } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { loadConfig } from "../../src/config.ts";
import { AgentlaneError } from "../../src/errors.ts";
import { createLogger, type LoggingOptions, silentLogger } from "../../src/telemetry/logging.ts";
import { startTracing, tracer } from "../../src/telemetry/tracing.ts";

function logInto(lines: string[], options: Partial<LoggingOptions> = {}) {
  return createLogger({
    level: "debug",
    format: "json",
    write: (line) => void lines.push(line),
    ...options,
  });
}

test("a record is one JSON line with time, level, message, fields", () => {
  const lines: string[] = [];
  logInto(lines).child({ part: "worker" }).info("claimed", { task_id: "t1" });
  expect(lines).toHaveLength(1);
  expect(lines[0]?.endsWith("\n")).toBe(true);
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({
    level: "info",
    message: "claimed",
    part: "worker",
    task_id: "t1",
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
  });
});

test("levels below the configured one are dropped", () => {
  const lines: string[] = [];
  const logger = logInto(lines, { level: "warn" });
  logger.debug("a");
  logger.info("b");
  logger.warn("c");
  logger.error("d");
  expect(lines.map((line) => JSON.parse(line).message)).toEqual(["c", "d"]);
});

test("the active span's ids are in the record, and nothing without one", async () => {
  const lines: string[] = [];
  const logger = logInto(lines);
  logger.info("outside");
  const tracing = startTracing(loadConfig({ OTEL_TRACES_EXPORTER: "otlp" }).tracing, {
    version: "1",
    instanceId: "i",
    logger: silentLogger,
    clock: systemClock,
  });
  await tracing.start();
  const ids = tracer().startActiveSpan("s", {}, ROOT_CONTEXT, (span) => {
    logger.info("inside");
    return span.spanContext();
  });
  await tracing.stop();
  expect(trace.getActiveSpan()).toBeUndefined();
  const [outside, inside] = lines.map((line) => JSON.parse(line));
  expect(outside).not.toHaveProperty("trace_id");
  expect(inside).toMatchObject({ trace_id: ids.traceId, span_id: ids.spanId });
});

test("credentials are hidden at every depth that fields have", () => {
  const lines: string[] = [];
  logInto(lines).info("x", {
    authorization: "hunter2",
    headers: { authorization: "hunter2", "x-api-key": "hunter2" },
    request: { headers: { cookie: "hunter2" } },
    password: "hunter2",
    calls: [{ task: { model: { apiKey: "hunter2", temperature: 1 } } }],
  });
  logInto(lines).child({ token: "hunter2" }).info("x");
  expect(lines.join()).not.toContain("hunter2");
  expect(JSON.parse(lines[0] ?? "").calls).toEqual([
    { task: { model: { apiKey: "***", temperature: 1 } } },
  ]);
});

test("a field that contains itself does not keep a line from being written", () => {
  const lines: string[] = [];
  const circle: Record<string, unknown> = { name: "circle" };
  circle.circle = circle;
  logInto(lines).info("x", { circle, task_id: "t1" });
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ task_id: "t1", circle: { name: "circle" } });
});

test("an error shows what it is and its causes, and none of its other properties", () => {
  const lines: string[] = [];
  const cause = Object.assign(new Error("429"), { headers: { key: "hunter2" }, body: "hunter2" });
  const error = new AgentlaneError("unavailable", "MODEL_BUSY", "the model is busy", { cause });
  logInto(lines).error("attempt failed", { error });
  logInto(lines).error("thrown", { error: "text" });
  expect(lines.join()).not.toContain("hunter2");
  expect(JSON.parse(lines[0] ?? "").error).toMatchObject({
    type: "AgentlaneError",
    kind: "unavailable",
    reason: "MODEL_BUSY",
    message: "the model is busy",
    causes: ["Error: 429"],
  });
  expect(JSON.parse(lines[1] ?? "").error).toEqual({ message: "text" });
});

test("pretty is for people", () => {
  const lines: string[] = [];
  const logger = logInto(lines, { format: "pretty" });
  logger.warn("lease lost", { task_id: "t1" });
  logger.error("failed", { error: new Error("why") });
  expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3} .*warn.* lease lost task_id="t1"\n$/);
  expect(lines[1]).toMatch(/failed\n {4}Error: why\n/);
});
