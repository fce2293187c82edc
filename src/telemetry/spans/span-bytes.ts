/**
 * Spans as OTLP's Protobuf, byte for byte as the SDK's own exporter writes them:
 * https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto
 */
import type { Attributes, HrTime, SpanContext } from "@opentelemetry/api";
import { ByteWriter } from "./byte-writer.ts";
import type { RecordedEvent, RecordedLink, RecordedSpan } from "./recorded-span.ts";
import type { Scope } from "./scope.ts";

/** Span.flags: the trace flags, and whether the parent is known to be of another process. */
const HAS_IS_REMOTE = 0x100;
const IS_REMOTE = 0x200;
/** Whole numbers beyond are written as doubles. */
const MIN_INT = -(2 ** 63);
const MAX_INT = 2 ** 63;

/** Writes the field `spans` of a ScopeSpans message. */
export function writeSpan(writer: ByteWriter, span: RecordedSpan): void {
  const { parent } = span;
  const context = span.spanContext();
  writer.tag(2, 2);
  const at = writer.open();
  writeIds(writer, context);
  if (parent?.spanId) {
    writer.tag(4, 2);
    writer.hex(parent.spanId);
  }
  writeText(writer, 5, span.name);
  writeCount(writer, 6, span.kind + 1);
  writeTime(writer, 7, span.startTime);
  writeTime(writer, 8, span.endTime ?? span.startTime);
  writeAttributes(writer, 9, span.attributes);
  writeCount(writer, 10, span.droppedAttributesCount);
  for (const event of span.events) writeEvent(writer, event);
  writeCount(writer, 12, span.droppedEventsCount);
  for (const link of span.links) writeLink(writer, link);
  writeCount(writer, 14, span.droppedLinksCount);
  writeStatus(writer, span.status.code, span.status.message);
  writeFlags(writer, 16, context.traceFlags, parent?.isRemote);
  writer.close(at);
}

/** The field `scope` of a ScopeSpans message. */
export function scopeBytes({ name, version }: Scope): Uint8Array {
  const writer = new ByteWriter();
  writer.tag(1, 2);
  const at = writer.open();
  writeText(writer, 1, name);
  if (version) writeText(writer, 2, version);
  writer.close(at);
  return Buffer.from(writer.written());
}

/** The field `resource` of a ResourceSpans message. */
export function resourceBytes(attributes: Attributes): Uint8Array {
  const writer = new ByteWriter();
  writer.tag(1, 2);
  const at = writer.open();
  writeAttributes(writer, 1, attributes);
  writeCount(writer, 2, 0);
  writer.close(at);
  return Buffer.from(writer.written());
}

function writeIds(writer: ByteWriter, { traceId, spanId, traceState }: SpanContext): void {
  writer.tag(1, 2);
  writer.hex(traceId);
  writer.tag(2, 2);
  writer.hex(spanId);
  const state = traceState?.serialize();
  if (state) writeText(writer, 3, state);
}

function writeEvent(writer: ByteWriter, event: RecordedEvent): void {
  writer.tag(11, 2);
  const at = writer.open();
  writeTime(writer, 1, event.time);
  writeText(writer, 2, event.name);
  writeAttributes(writer, 3, event.attributes);
  writeCount(writer, 4, event.droppedAttributesCount);
  writer.close(at);
}

function writeLink(writer: ByteWriter, link: RecordedLink): void {
  writer.tag(13, 2);
  const at = writer.open();
  writeIds(writer, link.context);
  writeAttributes(writer, 4, link.attributes);
  writeCount(writer, 5, link.droppedAttributesCount);
  writeFlags(writer, 6, link.context.traceFlags, link.context.isRemote);
  writer.close(at);
}

function writeStatus(writer: ByteWriter, code: number, message: string | undefined): void {
  writer.tag(15, 2);
  const at = writer.open();
  if (message) writeText(writer, 2, message);
  writeCount(writer, 3, code);
  writer.close(at);
}

function writeFlags(
  writer: ByteWriter,
  field: number,
  traceFlags: number,
  isRemote: boolean | undefined,
): void {
  writer.tag(field, 5);
  writer.fixed32((traceFlags & 0xff) | HAS_IS_REMOTE | (isRemote ? IS_REMOTE : 0));
}

function writeCount(writer: ByteWriter, field: number, count: number): void {
  writer.tag(field, 0);
  writer.varint(count);
}

function writeText(writer: ByteWriter, field: number, text: string): void {
  writer.tag(field, 2);
  writer.text(text);
}

/** Nanoseconds: seconds × 10⁹ has more bits than a number, so its 16 low bits go by themselves. */
function writeTime(writer: ByteWriter, field: number, [seconds, nanos]: HrTime): void {
  const upper = Math.floor(seconds / 2 ** 16) * 1e9;
  const lower = (seconds % 2 ** 16) * 1e9 + nanos;
  const low = (upper % 2 ** 16) * 2 ** 16 + (lower % 2 ** 32);
  const carried = Math.floor(lower / 2 ** 32) + Math.floor(low / 2 ** 32);
  writer.tag(field, 1);
  writer.fixed64(low % 2 ** 32, Math.floor(upper / 2 ** 16) + carried);
}

/** A repeated field of KeyValue messages. */
function writeAttributes(writer: ByteWriter, field: number, attributes: Attributes): void {
  for (const key in attributes) {
    if (Object.hasOwn(attributes, key)) writeKeyValue(writer, field, key, attributes[key]);
  }
}

function writeKeyValue(writer: ByteWriter, field: number, key: string, value: unknown): void {
  writer.tag(field, 2);
  const at = writer.open();
  writeText(writer, 1, key);
  writeAnyValue(writer, 2, value);
  writer.close(at);
}

function writeAnyValue(writer: ByteWriter, field: number, value: unknown): void {
  writer.tag(field, 2);
  const at = writer.open();
  if (typeof value === "string") {
    writeText(writer, 1, value);
  } else if (typeof value === "boolean") {
    writeCount(writer, 2, value ? 1 : 0);
  } else if (typeof value === "number") {
    writeNumber(writer, value);
  } else if (typeof value === "object" && value !== null) {
    writeCompound(writer, value);
  }
  writer.close(at);
}

function writeNumber(writer: ByteWriter, value: number): void {
  if (Number.isInteger(value) && value >= MIN_INT && value < MAX_INT) {
    writeCount(writer, 3, value);
  } else {
    writer.tag(4, 1);
    writer.double(value);
  }
}

function writeCompound(writer: ByteWriter, value: object): void {
  if (value instanceof Uint8Array) {
    writer.tag(7, 2);
    writer.bytes(value);
    return;
  }
  writer.tag(Array.isArray(value) ? 5 : 6, 2);
  const at = writer.open();
  if (Array.isArray(value)) {
    for (const item of value) writeAnyValue(writer, 1, item);
  } else {
    for (const [key, item] of Object.entries(value)) writeKeyValue(writer, 1, key, item);
  }
  writer.close(at);
}
