/** What operators load into Prometheus and Grafana fits what a server exposes. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { withTable } from "../../scripts/metrics-table.ts";
import { type PicturedSpan, pictureOf } from "../../scripts/trace-picture.ts";
import { systemClock } from "../../src/clock.ts";
import { loadConfig } from "../../src/config.ts";
import { silentLogger } from "../../src/telemetry/logging.ts";
import { METRICS } from "../../src/telemetry/metric-definitions.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { createMetricsExport } from "../../src/telemetry/metrics-export.ts";
import { createProcessMetrics } from "../../src/telemetry/process-metrics.ts";
import { type MetricsPage, metricsAt } from "../harness/metrics.ts";
import { NOTHING_LEFT, startProgram } from "../harness/program.ts";
import { checkExpressions, hasPromtool, promtool } from "../harness/promtool.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const ALERTS = `${ROOT}deploy/prometheus/alerts.yaml`;

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

const dashboard: {
  readonly panels: readonly Panel[];
  readonly templating: { list: { query: string }[] };
} = JSON.parse(readFileSync(`${ROOT}deploy/grafana/agentlane.json`, "utf8"));
const alerts = readFileSync(ALERTS, "utf8");

/** As Grafana fills them in. */
function filled(expr: string): string {
  return expr.replaceAll("$__rate_interval", "1m").replaceAll(/\$(job|agent)/g, ".+");
}

const dashboardExpressions = dashboard.panels.flatMap(({ targets = [] }) =>
  targets.map(({ expr }) => filled(expr)),
);

/** The names of ours in an expression. */
function namesIn(text: string): string[] {
  return (
    text.match(
      /\b(agentlane|rpc|messaging|gen_ai|db|nodejs|process|v8js)_[a-z0-9_]+(?=[{[)\s,]|$)/g,
    ) ?? []
  );
}

/** Labels look like names. */
const labels = new Set(
  Object.values(METRICS).flatMap((each) =>
    each.attributes.map((name) => name.replaceAll(".", "_")),
  ),
);

let page: MetricsPage;
const ending: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  const metrics = createMetrics(systemClock);
  const own = createProcessMetrics(metrics, systemClock);
  await own.start();
  const program = await startProgram({ metrics });
  ending.push(async () => expect(await program.stop()).toEqual(NOTHING_LEFT), own.stop);
  const exported = createMetricsExport(loadConfig({ METRICS_PORT: "0" }).metrics, {
    metrics,
    version: "1",
    instanceId: "1",
    logger: silentLogger,
    clock: systemClock,
  });
  await exported.start();
  ending.push(exported.stop);
  page = await metricsAt(exported);
});
afterAll(async () => {
  for (const end of ending.reverse()) await end();
});

/** With the suffixes that Prometheus knows them by. */
function exposed(): Set<string> {
  const histograms = Object.values(METRICS).filter(({ kind }) => kind === "histogram");
  const parts = histograms.flatMap(({ name }) =>
    ["_bucket", "_sum", "_count"].map((suffix) => name.replaceAll(".", "_") + suffix),
  );
  return new Set([...page.names, ...parts]);
}

it("a running server exposes every metric of the table, and no other", () => {
  const expected = Object.values(METRICS).map(({ name, kind }) => {
    const plain = name.replaceAll(".", "_");
    return kind === "counter" ? `${plain}_total` : plain;
  });
  expect([...page.names].sort()).toEqual([...expected, "target_info"].sort());
});

describe("deploy/grafana/agentlane.json", () => {
  it("asks only for metrics that are exposed", () => {
    const asked = new Set(
      dashboardExpressions.flatMap(namesIn).filter((name) => !labels.has(name)),
    );
    expect(asked.size).toBeGreaterThan(30);
    expect([...asked].filter((name) => !exposed().has(name))).toEqual([]);
    for (const { query } of dashboard.templating.list.slice(1)) {
      expect(exposed()).toContain(/label_values\((\w+),/.exec(query)?.[1]);
    }
  });

  it("shows every metric that is exposed, but for a few that others stand for", () => {
    const asked = dashboardExpressions.flatMap(namesIn);
    const unseen = Object.values(METRICS).filter(
      ({ name }) => !asked.some((each) => each.startsWith(name.replaceAll(".", "_"))),
    );
    expect(unseen.map(({ name }) => name)).toEqual([
      "nodejs.eventloop.delay.mean",
      "nodejs.eventloop.delay.p50",
    ]);
  });

  it("has panels that Grafana tells apart, each with something to show", () => {
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    for (const { type, title, targets = [] } of dashboard.panels) {
      expect([title, targets.length > 0]).toEqual([title, type !== "row"]);
    }
  });

  it.skipIf(!hasPromtool)("is written in PromQL", async () => {
    expect(await checkExpressions(dashboardExpressions)).toBe("");
  });
});

describe("deploy/prometheus", () => {
  it("alerts ask only for metrics that are exposed", () => {
    const expressions = [...alerts.matchAll(/expr: (?:\|\n((?: {10,}.*\n)+)|(.*))/g)];
    const asked = expressions.flatMap(([, block, line]) => namesIn(block ?? line ?? ""));
    const names = new Set(asked.filter((name) => !labels.has(name)));
    expect(expressions).toHaveLength(12);
    expect(names.size).toBeGreaterThan(10);
    expect([...names].filter((name) => !exposed().has(name))).toEqual([]);
  });

  it.skipIf(!hasPromtool)("rules and settings are accepted by Prometheus", async () => {
    expect(await promtool("check", "rules", ALERTS)).toBe("");
    const settings = `${ROOT}deploy/prometheus/prometheus.yaml`;
    expect(await promtool("check", "config", settings)).toBe("");
  });

  it.skipIf(!hasPromtool)("alerts fire when they should, and not before", async () => {
    expect(await promtool("test", "rules", `${ROOT}test/deploy/alerts.test.yaml`)).toBe("");
  });
});

it("docs/observability.md names every metric as it is; `npm run gen` writes it", () => {
  const text = readFileSync(`${ROOT}docs/observability.md`, "utf8");
  expect(withTable(text)).toBe(text);
});

it("the picture of a trace is that of the trace beside it", () => {
  const spans: PicturedSpan[] = JSON.parse(readFileSync(`${ROOT}docs/trace.json`, "utf8"));
  expect(pictureOf(spans)).toBe(readFileSync(`${ROOT}docs/trace.svg`, "utf8"));
  expect(new Set(spans.map(({ process }) => process))).toEqual(new Set(["gateway", "worker"]));
});
