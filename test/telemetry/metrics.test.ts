import { request } from "node:http";
import { afterEach, expect, it } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { loadConfig } from "../../src/config.ts";
import { silentLogger } from "../../src/telemetry/logging.ts";
import { METRICS } from "../../src/telemetry/metric-definitions.ts";
import { type CollectableMetrics, createMetrics } from "../../src/telemetry/metrics.ts";
import { createMetricsExport, type MetricsExport } from "../../src/telemetry/metrics-export.ts";
import { createProcessMetrics } from "../../src/telemetry/process-metrics.ts";
import { fakeClock } from "../fakes/fake-clock.ts";
import { metricsAt, parseMetrics } from "../harness/metrics.ts";
import { startOtlpReceiver } from "../harness/otlp-receiver.ts";

const started: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const part of started.splice(0).reverse()) await part.stop();
});

async function exporting(
  metrics: CollectableMetrics,
  environment: Record<string, string> = {},
): Promise<MetricsExport> {
  const exported = createMetricsExport(loadConfig(environment).metrics, {
    metrics,
    version: "1",
    instanceId: "7",
    logger: silentLogger,
    clock: systemClock,
  });
  started.push(exported);
  await exported.start();
  return exported;
}

const ANY_PORT = { METRICS_PORT: "0" };

it("a page shows counters, gauges and histograms as Prometheus reads them", async () => {
  const metrics = createMetrics(fakeClock());
  metrics.counter(METRICS.retries).add(2, "echo", "AGENT_ERROR");
  metrics.counter(METRICS.retries).add(1, "echo", "AGENT_ERROR");
  metrics.observe(METRICS.watchers, () => [{ value: 3, values: [] }]);
  const waits = metrics.histogram(METRICS.queueWait);
  for (const seconds of [0.005, 0.006, 7000, Number.NaN, -1]) {
    waits.record(seconds, "agent.tasks", "HIGH");
  }
  const page = await metricsAt(await exporting(metrics, ANY_PORT));
  expect(page.text).toContain("# TYPE agentlane_task_retries_total counter\n");
  expect(page.value("agentlane_task_retries_total")).toBe(3);
  expect(page.value("agentlane_watchers")).toBe(3);
  const wait = { agentlane_queue: "agent.tasks", agentlane_priority: "HIGH" };
  const bucket = "agentlane_queue_wait_duration_bucket";
  expect(page.value(bucket, { ...wait, le: "0.005" })).toBe(3);
  expect(page.value(bucket, { ...wait, le: "0.025" })).toBe(4);
  expect(page.value(bucket, { ...wait, le: "3600" })).toBe(4);
  expect(page.value(bucket, { ...wait, le: "+Inf" })).toBe(5);
  expect(page.value("agentlane_queue_wait_duration_count")).toBe(5);
  expect(page.value("agentlane_queue_wait_duration_sum")).toBeCloseTo(7000.011);
  expect(page.value("target_info", { service_instance_id: "7" })).toBe(1);
});

it("an empty value leaves its attribute out, and the order of values is that of the definition", async () => {
  const metrics = createMetrics(fakeClock());
  metrics.histogram(METRICS.modelDuration).record(1, "chat", "openai", "", "");
  const page = await metricsAt(await exporting(metrics, ANY_PORT));
  expect(page.series("gen_ai_client_operation_duration_count")).toEqual([
    { gen_ai_operation_name: "chat", gen_ai_provider_name: "openai" },
  ]);
});

it("a metric has a bounded number of series; what comes after them is one more", async () => {
  const metrics = createMetrics(fakeClock(), 10);
  const resumes = metrics.counter(METRICS.transitions);
  for (let index = 0; index < 1000; index++) resumes.add(1, `agent-${index}`, "QUEUED");
  resumes.add(1, "agent-0", "QUEUED");
  const page = await metricsAt(await exporting(metrics, ANY_PORT));
  const name = "agentlane_task_transitions_total";
  expect(page.series(name)).toHaveLength(10);
  expect(page.value(name, { gen_ai_agent_id: "agent-0" })).toBe(2);
  expect(page.value(name, { otel_metric_overflow: "true" })).toBe(991);
});

it("no attribute of any metric can name a task, a session or a client", () => {
  const attributes = Object.values(METRICS).flatMap((each): readonly string[] => each.attributes);
  const unbounded = attributes.filter((name) =>
    /(task|session|conversation|message|span|trace|client|tenant|worker)\.?id|address|tenant/.test(
      name,
    ),
  );
  expect(unbounded).toEqual([]);
});

it("a gauge that cannot be read leaves a gap in itself alone", async () => {
  const metrics = createMetrics(fakeClock());
  metrics.observe(METRICS.queueTasks, () => Promise.reject(new Error("the store is away")));
  metrics.observe(METRICS.instances, () => [{ value: 1, values: [] }]);
  const page = await metricsAt(await exporting(metrics, ANY_PORT));
  expect(page.series("agentlane_queue_tasks")).toEqual([]);
  expect(page.value("agentlane_instances")).toBe(1);
});

it("two processes of one machine start with the same settings: the second has another port", async () => {
  const [first, second] = [
    await exporting(createMetrics(systemClock)),
    await exporting(createMetrics(systemClock)),
  ];
  const ports = [first.address()?.port, second.address()?.port];
  expect(new Set(ports).size).toBe(2);
  expect(first.address()?.host).toBe("127.0.0.1");
  await metricsAt(second);
});

it("a port that was asked for and is taken is an error", async () => {
  const { port } = (await exporting(createMetrics(systemClock), ANY_PORT)).address() ?? {};
  const again = exporting(createMetrics(systemClock), { METRICS_PORT: String(port) });
  await expect(again).rejects.toThrow("EADDRINUSE");
});

it.each([
  ["GET", "/", 404],
  ["GET", "/metrics?x=1", 200],
  ["POST", "/metrics", 405],
])("%s %s is answered with %i", async (method, path, status) => {
  const { port } = (await exporting(createMetrics(systemClock), ANY_PORT)).address() ?? {};
  const answered = await new Promise((resolve) => {
    request({ port, path, method }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).end();
  });
  expect(answered).toBe(status);
});

it("OTLP carries the same figures, and the last ones at the stop", async () => {
  const receiver = await startOtlpReceiver();
  started.push({ stop: () => receiver.close() });
  const metrics = createMetrics(systemClock);
  const exported = await exporting(metrics, {
    OTEL_METRICS_EXPORTER: "otlp",
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
    OTEL_SERVICE_NAME: "lanes",
  });
  expect(exported.address()).toBeUndefined();
  metrics.counter(METRICS.redrives).add(5, "echo");
  metrics.histogram(METRICS.queueWait).record(0.2, "agent.tasks", "LOW");
  await exported.stop();
  const [redrives] = receiver.metrics.filter(({ name }) => name === "agentlane.task.redrives");
  expect(redrives).toMatchObject({
    unit: "{task}",
    points: [{ value: 5, attributes: { "gen_ai.agent.id": "echo" } }],
    resource: { "service.name": "lanes", "service.instance.id": "7" },
  });
  const [wait] = receiver.metrics.filter(({ name }) => name === "agentlane.queue.wait.duration");
  expect(wait?.points[0]).toMatchObject({ value: 0.2, count: 1 });
  expect(receiver.requests.map(({ path }) => path)).toContain("/v1/metrics");
});

it.each([{ OTEL_METRICS_EXPORTER: "none" }, { OTEL_SDK_DISABLED: "true" }])(
  "%o turns metrics off",
  (environment) => {
    expect(loadConfig(environment).metrics).toBeUndefined();
  },
);

it("the process tells its CPU, its memory and how late its loop is", async () => {
  const metrics = createMetrics(systemClock);
  const watching = createProcessMetrics(metrics, systemClock);
  started.push(watching);
  await watching.start();
  const page = parseMetrics((await metricsAt(await exporting(metrics, ANY_PORT))).text);
  expect(page.value("process_cpu_time_total", { cpu_mode: "user" })).toBeGreaterThan(0);
  expect(page.value("process_memory_usage")).toBeGreaterThan(10 * 2 ** 20);
  expect(page.value("nodejs_eventloop_delay_p99")).toBeGreaterThanOrEqual(0);
  expect(page.value("nodejs_eventloop_utilization")).toBeLessThanOrEqual(1);
});
