/**
 * The picture of docs/observability.md: one StreamExecute through Redis.
 *
 *   node scripts/trace-picture.ts             docs/trace.json → docs/trace.svg
 *   node scripts/trace-picture.ts --capture   runs a gateway, a worker and redis-server first, and
 *                                             keeps what an OTLP collector got in docs/trace.json
 */
import { readFileSync, writeFileSync } from "node:fs";

/** What the picture needs of a span. */
export interface PicturedSpan {
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  /** The process that made it. */
  readonly process: string;
  /** Since the first span of the trace. */
  readonly startMs: number;
  readonly durationMs: number;
  /** What is written behind the name. */
  readonly note: string;
}

const WIDTH = 960;
const ROW = 26;
const TOP = 64;
const NAMES = 400;
const MARGIN = 16;
const COLORS: Readonly<Record<string, string>> = { gateway: "#3b6fb6", worker: "#2e8b57" };

export function pictureOf(spans: readonly PicturedSpan[]): string {
  const rows = inTreeOrder(spans);
  const endMs = Math.max(...spans.map(({ startMs, durationMs }) => startMs + durationMs));
  const height = TOP + rows.length * ROW + 28;
  const scale = (WIDTH - NAMES - MARGIN - 70) / endMs;
  const lines = rows.map(({ span, depth }, index) => rowOf(span, depth, TOP + index * ROW, scale));
  const legend = Object.entries(COLORS).map(([name, color], index) => {
    const x = MARGIN + index * 110;
    return `<rect x="${x}" y="36" width="12" height="12" rx="2" fill="${color}"/><text x="${x + 18}" y="46">${name}</text>`;
  });
  const axis = `<text x="${NAMES}" y="${height - 8}" class="dim">0 ms</text><text x="${WIDTH - 70}" y="${height - 8}" class="dim" text-anchor="end">${endMs.toFixed(0)} ms</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Spans of one StreamExecute through Redis, by process and time">
<style>text{font:13px system-ui,sans-serif;fill:#1c2430}.dim{fill:#5b6675}.head{font-weight:600;font-size:15px}</style>
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
<text x="${MARGIN}" y="24" class="head">StreamExecute through Redis: one trace, two processes</text>
${legend.join("\n")}
${lines.join("\n")}
${axis}
</svg>
`;
}

function rowOf(span: PicturedSpan, depth: number, y: number, scale: number): string {
  const x = NAMES + span.startMs * scale;
  const width = Math.max(2, span.durationMs * scale);
  const text = `${span.name}${span.note && ` · ${span.note}`}`;
  const duration = `${span.durationMs < 10 ? span.durationMs.toFixed(1) : span.durationMs.toFixed(0)} ms`;
  return [
    `<text x="${MARGIN + depth * 14}" y="${y + 16}">${escaped(text)}</text>`,
    `<rect x="${x.toFixed(1)}" y="${y + 5}" width="${width.toFixed(1)}" height="14" rx="2" fill="${COLORS[span.process] ?? "#777777"}"/>`,
    `<text x="${(x + width + 6).toFixed(1)}" y="${y + 16}" class="dim">${duration}</text>`,
  ].join("");
}

/** Parents before their children, siblings by time. */
function inTreeOrder(spans: readonly PicturedSpan[]): { span: PicturedSpan; depth: number }[] {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const childrenOf = (id: string | undefined): PicturedSpan[] =>
    spans
      .filter(({ parentSpanId }) => (ids.has(parentSpanId) ? parentSpanId : undefined) === id)
      .sort((a, b) => a.startMs - b.startMs);
  const walk = (id: string | undefined, depth: number): { span: PicturedSpan; depth: number }[] =>
    childrenOf(id).flatMap((span) => [{ span, depth }, ...walk(span.spanId, depth + 1)]);
  return walk(undefined, 0);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

async function capture(): Promise<PicturedSpan[]> {
  const { Role } = await import("../gen/agentlane/v1/content_pb.js");
  const { startObserved } = await import("../test/harness/observed.ts");
  const { startOtlpReceiver } = await import("../test/harness/otlp-receiver.ts");
  const { startRedis } = await import("../test/harness/redis-server.ts");
  const [receiver, redis] = await Promise.all([startOtlpReceiver(), startRedis()]);
  const observed = await startObserved(
    {
      MESSAGE_QUEUE_TYPE: "redis",
      REDIS_URL: redis.url,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
    },
    1,
  );
  const part = { case: "text" as const, value: "what is 6 * 7?" };
  const turn = (sessionId: string) => ({
    agentId: "demo",
    sessionId,
    messages: [{ role: Role.USER, content: [{ part }] }],
  });
  // The first one loads what the ones after it find loaded.
  for await (const _ of observed.agents.streamExecute(turn("first")));
  for await (const _ of observed.agents.streamExecute(turn("second")));
  const [gateway] = observed.processes;
  await observed.stop();
  await Promise.all([receiver.close(), redis.stop()]);
  const { traceId = "" } =
    receiver.spans.findLast(({ name }) => name.endsWith("/StreamExecute")) ?? {};
  const spans = receiver.spans.filter((span) => span.traceId === traceId);
  const firstMs = Math.min(...spans.map(({ startMs }) => startMs));
  return spans.map((span) => ({
    spanId: span.spanId,
    parentSpanId: span.parentSpanId,
    name: span.name,
    process: span.resource["service.instance.id"] === String(gateway?.pid) ? "gateway" : "worker",
    startMs: Math.round((span.startMs - firstMs) * 1000) / 1000,
    durationMs: Math.round(span.durationMs * 1000) / 1000,
    note: noteOf(span.attributes),
  }));
}

function noteOf(attributes: Readonly<Record<string, string | number | boolean>>): string {
  const waitMs = attributes["agentlane.queue.wait_ms"];
  if (waitMs !== undefined) return `waited ${Number(waitMs).toFixed(0)} ms`;
  const tokens = attributes["gen_ai.usage.output_tokens"];
  return tokens === undefined ? "" : `${tokens} tokens`;
}

if (import.meta.main) {
  const folder = new URL("../docs/", import.meta.url);
  const kept = new URL("trace.json", folder);
  if (process.argv.includes("--capture")) {
    writeFileSync(kept, `${JSON.stringify(await capture(), null, 2)}\n`);
  }
  const spans: PicturedSpan[] = JSON.parse(readFileSync(kept, "utf8"));
  writeFileSync(new URL("trace.svg", folder), pictureOf(spans));
}
