/** JSON as the contract carries it. */
import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { type Value, ValueSchema } from "@bufbuild/protobuf/wkt";

export function requestValue(value: JsonValue): Value {
  return fromJson(ValueSchema, value);
}
