/** JSON for programs: the contract's own names, every field present. */
import { type DescMessage, type JsonValue, type MessageShape, toJson } from "@bufbuild/protobuf";

export function contractJson<D extends DescMessage>(
  schema: D,
  message: MessageShape<D>,
): JsonValue {
  return toJson(schema, message, { alwaysEmitImplicit: true });
}

/** A document, with its newline. */
export function document(value: JsonValue): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** A line of a stream. */
export function jsonLine(value: JsonValue): string {
  return `${JSON.stringify(value)}\n`;
}
