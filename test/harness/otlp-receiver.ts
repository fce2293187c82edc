import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import { gunzipSync } from "node:zlib";
import type { BinaryReader } from "@bufbuild/protobuf/wire";
import { decodeMetrics, type ReceivedMetric } from "./otlp-metrics.ts";
import { fields, readAttribute, readResource, type Value } from "./otlp-wire.ts";

/** What tests look at of an exported span. */
export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  /** Empty for a root. */
  parentSpanId: string;
  name: string;
  /** 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  kind: number;
  /** Since the epoch. */
  startMs: number;
  durationMs: number;
  attributes: Record<string, string | number | boolean>;
  events: { name: string; attributes: Record<string, string | number | boolean> }[];
  links: {
    traceId: string;
    spanId: string;
    attributes: Record<string, string | number | boolean>;
  }[];
  /** 0 unset, 1 ok, 2 error. */
  status: number;
  resource: Record<string, string | number | boolean>;
}

export interface OtlpReceiver {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly endpoint: string;
  readonly spans: readonly ReceivedSpan[];
  readonly metrics: readonly ReceivedMetric[];
  readonly requests: readonly { path: string; headers: IncomingHttpHeaders }[];
  close(): Promise<void>;
}

/** A collector: takes OTLP/HTTP Protobuf on a free port and keeps spans and metrics. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const metrics: ReceivedMetric[] = [];
  const requests: { path: string; headers: IncomingHttpHeaders }[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    requests.push({ path: request.url ?? "", headers: request.headers });
    const message = request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body;
    if (request.url === "/v1/metrics") metrics.push(...decodeMetrics(message));
    else spans.push(...decode(message));
    response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening on a port");
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    spans,
    metrics,
    requests,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

const hex = (reader: BinaryReader): string => Buffer.from(reader.bytes()).toString("hex");

function* decode(body: Uint8Array): Generator<ReceivedSpan> {
  for (const { number, reader } of fields(body)) {
    if (number === 1) yield* decodeResourceSpans(reader.bytes());
  }
}

function* decodeResourceSpans(bytes: Uint8Array): Generator<ReceivedSpan> {
  const resource: Record<string, Value> = {};
  for (const { number, reader } of fields(bytes)) {
    if (number === 1) Object.assign(resource, readResource(reader.bytes()));
    if (number === 2) {
      for (const entry of fields(reader.bytes())) {
        if (entry.number === 2) yield decodeSpan(entry.reader.bytes(), resource);
      }
    }
  }
}

/** Field numbers of opentelemetry.proto.trace.v1.Span. */
function decodeSpan(bytes: Uint8Array, resource: Record<string, Value>): ReceivedSpan {
  const span: ReceivedSpan = {
    traceId: "",
    spanId: "",
    parentSpanId: "",
    name: "",
    kind: 0,
    startMs: 0,
    durationMs: 0,
    attributes: {},
    events: [],
    links: [],
    status: 0,
    resource,
  };
  let startNs = 0n;
  for (const { number, reader } of fields(bytes)) {
    if (number === 1) span.traceId = hex(reader);
    if (number === 2) span.spanId = hex(reader);
    if (number === 4) span.parentSpanId = hex(reader);
    if (number === 5) span.name = reader.string();
    if (number === 6) span.kind = reader.int32();
    if (number === 7) {
      startNs = BigInt(reader.fixed64());
      span.startMs = Number(startNs / 1000n) / 1000;
    }
    if (number === 8) span.durationMs = Number(BigInt(reader.fixed64()) - startNs) / 1e6;
    if (number === 9) readAttribute(reader.bytes(), span.attributes);
    if (number === 11) span.events.push(decodeEvent(reader.bytes()));
    if (number === 13) span.links.push(decodeLink(reader.bytes()));
    if (number === 15) span.status = decodeStatus(reader.bytes());
  }
  return span;
}

function decodeEvent(bytes: Uint8Array): ReceivedSpan["events"][number] {
  const event = { name: "", attributes: {} };
  for (const { number, reader } of fields(bytes)) {
    if (number === 2) event.name = reader.string();
    if (number === 3) readAttribute(reader.bytes(), event.attributes);
  }
  return event;
}

function decodeLink(bytes: Uint8Array): ReceivedSpan["links"][number] {
  const link = { traceId: "", spanId: "", attributes: {} };
  for (const { number, reader } of fields(bytes)) {
    if (number === 1) link.traceId = hex(reader);
    if (number === 2) link.spanId = hex(reader);
    if (number === 4) readAttribute(reader.bytes(), link.attributes);
  }
  return link;
}

function decodeStatus(bytes: Uint8Array): number {
  let code = 0;
  for (const { number, reader } of fields(bytes)) {
    if (number === 3) code = reader.int32();
  }
  return code;
}
