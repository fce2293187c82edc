/** Durations and instants from outside: the binary form carries values that have no JSON form. */
import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";
import { invalidField } from "../errors.ts";

const MAX_NANOS = 999_999_999;
/** About 10,000 years, the limits of google.protobuf.Duration. */
const MAX_DURATION_SECONDS = 315_576_000_000n;
/** 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z, the limits of google.protobuf.Timestamp. */
const MIN_TIMESTAMP_SECONDS = -62_135_596_800n;
const MAX_TIMESTAMP_SECONDS = 253_402_300_799n;

/** No request has a use for a negative one. */
export function guardDuration(field: string, duration: Duration | undefined): void {
  if (!duration) return;
  const { seconds, nanos } = duration;
  if (seconds < 0n || seconds > MAX_DURATION_SECONDS || !areNanos(nanos)) {
    throw invalidField(field, `must have 0 to 315576000000 seconds and 0 to ${MAX_NANOS} nanos`);
  }
}

export function guardTimestamp(field: string, timestamp: Timestamp | undefined): void {
  if (!timestamp) return;
  const { seconds, nanos } = timestamp;
  if (seconds < MIN_TIMESTAMP_SECONDS || seconds > MAX_TIMESTAMP_SECONDS || !areNanos(nanos)) {
    throw invalidField(field, `must lie in the years 1 to 9999, with 0 to ${MAX_NANOS} nanos`);
  }
}

function areNanos(nanos: number): boolean {
  return nanos >= 0 && nanos <= MAX_NANOS;
}
