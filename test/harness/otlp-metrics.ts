/** Metrics as OTLP carries them. Field numbers of opentelemetry.proto.metrics.v1. */
import { fields, readAttribute, readResource, type Value } from "./otlp-wire.ts";

export interface ReceivedMetric {
  name: string;
  unit: string;
  /** Of a histogram: `value` is the sum. */
  points: { attributes: Record<string, Value>; value: number; count: number }[];
  resource: Record<string, Value>;
}

const GAUGE = 5;
const SUM = 7;
const HISTOGRAM = 9;

export function* decodeMetrics(body: Uint8Array): Generator<ReceivedMetric> {
  for (const { number, reader } of fields(body)) {
    if (number === 1) yield* decodeResourceMetrics(reader.bytes());
  }
}

function* decodeResourceMetrics(bytes: Uint8Array): Generator<ReceivedMetric> {
  let resource: Record<string, Value> = {};
  for (const { number, reader } of fields(bytes)) {
    if (number === 1) resource = readResource(reader.bytes());
    if (number !== 2) continue;
    for (const scope of fields(reader.bytes())) {
      if (scope.number === 2) yield decodeMetric(scope.reader.bytes(), resource);
    }
  }
}

function decodeMetric(bytes: Uint8Array, resource: Record<string, Value>): ReceivedMetric {
  const metric: ReceivedMetric = { name: "", unit: "", points: [], resource };
  for (const { number, reader } of fields(bytes)) {
    if (number === 1) metric.name = reader.string();
    if (number === 3) metric.unit = reader.string();
    if (number !== GAUGE && number !== SUM && number !== HISTOGRAM) continue;
    for (const data of fields(reader.bytes())) {
      if (data.number === 1) metric.points.push(decodePoint(data.reader.bytes(), number));
    }
  }
  return metric;
}

function decodePoint(bytes: Uint8Array, kind: number): ReceivedMetric["points"][number] {
  const point = { attributes: {}, value: 0, count: 0 };
  const isHistogram = kind === HISTOGRAM;
  for (const { number, reader } of fields(bytes)) {
    if (number === (isHistogram ? 9 : 7)) readAttribute(reader.bytes(), point.attributes);
    if (number === 4) {
      if (isHistogram) point.count = Number(reader.fixed64());
      else point.value = reader.double();
    }
    if (number === 5 && isHistogram) point.value = reader.double();
  }
  return point;
}
