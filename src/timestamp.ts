import type { Timestamp } from "@bufbuild/protobuf/wkt";

/** As an object literal, for the hot paths: `timestampFromMs` of the library walks the descriptor. */
export function timestamp(atMs: number): Timestamp {
  const seconds = Math.floor(atMs / 1000);
  return {
    $typeName: "google.protobuf.Timestamp",
    seconds: BigInt(seconds),
    nanos: Math.floor((atMs - seconds * 1000) * 1e6),
  };
}
