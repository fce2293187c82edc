/** Events on their way into the store, handed on in portions that a store can take at once. */
import type { TaskEvent } from "../../gen/agentlane/v1/task_pb.js";

/** Events of a portion. */
const MAX_COUNT = 256;
/** The same in approximate bytes; more only when a single event is larger. */
const MAX_BYTES = 1024 * 1024;

export interface PendingEvents {
  readonly isEmpty: boolean;
  /** At least a portion is pending: who adds more should wait. */
  readonly isFull: boolean;
  /** More than one portion is pending. */
  readonly isMore: boolean;
  add(event: TaskEvent, bytes: number): void;
  /** Removes a portion, in order. */
  take(): TaskEvent[];
}

export function createPendingEvents(): PendingEvents {
  const pending: { readonly event: TaskEvent; readonly bytes: number }[] = [];
  let pendingBytes = 0;
  return {
    get isEmpty() {
      return pending.length === 0;
    },
    get isFull() {
      return pending.length >= MAX_COUNT || pendingBytes >= MAX_BYTES;
    },
    get isMore() {
      return pending.length > MAX_COUNT || (pending.length > 1 && pendingBytes > MAX_BYTES);
    },
    add(event, bytes) {
      pending.push({ event, bytes });
      pendingBytes += bytes;
    },
    take() {
      let bytes = 0;
      let count = 0;
      for (const each of pending) {
        if (count === MAX_COUNT || (count > 0 && bytes + each.bytes > MAX_BYTES)) break;
        bytes += each.bytes;
        count++;
      }
      pendingBytes -= bytes;
      return pending.splice(0, count).map(({ event }) => event);
    },
  };
}
