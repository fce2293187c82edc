/** OTLP's Protobuf, read by field numbers. */
import { BinaryReader } from "@bufbuild/protobuf/wire";

export type Value = string | number | boolean;

export type Field = { number: number; reader: BinaryReader };

/** The fields of a message, each with a reader that stands at its value. */
export function* fields(bytes: Uint8Array): Generator<Field> {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    const valueAt = reader.pos;
    yield { number, reader };
    if (reader.pos === valueAt) reader.skip(wireType, number);
  }
}

export function readAttribute(bytes: Uint8Array, into: Record<string, Value>): void {
  let key = "";
  let value: Value = "";
  for (const { number, reader } of fields(bytes)) {
    if (number === 1) key = reader.string();
    if (number === 2) value = decodeValue(reader.bytes());
  }
  into[key] = value;
}

/** opentelemetry.proto.common.v1.AnyValue; lists as the text of their bytes, enough to search in. */
function decodeValue(bytes: Uint8Array): Value {
  let value: Value = "";
  for (const { number, reader } of fields(bytes)) {
    if (number === 1) value = reader.string();
    if (number === 2) value = reader.bool();
    if (number === 3) value = Number(reader.int64());
    if (number === 4) value = reader.double();
    if (number === 5) value = Buffer.from(reader.bytes()).toString("utf8");
  }
  return value;
}

/** Of opentelemetry.proto.resource.v1.Resource. */
export function readResource(bytes: Uint8Array): Record<string, Value> {
  const resource: Record<string, Value> = {};
  for (const entry of fields(bytes)) {
    if (entry.number === 1) readAttribute(entry.reader.bytes(), resource);
  }
  return resource;
}
