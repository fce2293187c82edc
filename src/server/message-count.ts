/**
 * Bounds how many messages are in a binary message before any is built: an empty one takes two bytes on
 * the wire and hundreds in memory.
 */
import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { MAX_VALUE_COUNT, tooManyValues } from "./json-size.ts";

/** A tag and a length. */
const LEAST_BYTES = 2;
/** The number of the value in an entry of a map. */
const VALUE_NUMBER = 2;

/** Which of a message's fields hold messages, and what those hold. */
type Shape = (number: number) => Shape | undefined;

/**
 * Throws for too many, or for bytes that are no Protobuf. Below `maxLevels` it does not look: the decoder
 * refuses those.
 */
export function assertMessageCount(input: DescMessage, bytes: Uint8Array, maxLevels: number): void {
  if (bytes.byteLength <= MAX_VALUE_COUNT * LEAST_BYTES) return;
  // One for all levels: one each would take longer than what it is to prevent.
  const reader = new BinaryReader(bytes);
  let total = 0;

  function count(shape: Shape, end: number, levels: number): void {
    while (reader.pos < end) {
      const [number, wireType] = reader.tag();
      const inner = wireType === WireType.LengthDelimited ? shape(number) : undefined;
      if (!inner) {
        reader.skip(wireType, number);
        continue;
      }
      if (++total > MAX_VALUE_COUNT) throw tooManyValues();
      const innerEnd = reader.uint32() + reader.pos;
      // The decoder would read on in it, beyond what was counted.
      if (innerEnd > end) throw new Error("a message is longer than the one that it is in");
      if (levels > 0) count(inner, innerEnd, levels - 1);
      else reader.pos = innerEnd;
    }
  }
  // An entry of a map is a level of its own.
  count(createShapes()(input), bytes.byteLength, 2 * maxLevels);
}

function createShapes(): (message: DescMessage) => Shape {
  const known = new Map<string, Shape>();
  const shapeOf = (message: DescMessage): Shape => {
    let shape = known.get(message.typeName);
    if (!shape) {
      const fields = new Map(message.fields.map((field) => [field.number, field]));
      shape = (number) => innerOf(fields.get(number));
      known.set(message.typeName, shape);
    }
    return shape;
  };
  const innerOf = (field: DescField | undefined): Shape | undefined => {
    if (field?.fieldKind === "map") {
      const { message } = field;
      return (number) => (number === VALUE_NUMBER && message ? shapeOf(message) : undefined);
    }
    return field?.message ? shapeOf(field.message) : undefined;
  };
  return shapeOf;
}
