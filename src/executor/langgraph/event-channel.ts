/**
 * The way of a turn's events out of the graph: bounded, with backpressure for whoever can wait, and
 * dead the moment the turn is over, so that a graph that ignores its signal has no way to emit.
 */
import { AgentlaneError } from "../../errors.ts";
import type { TurnEvent } from "../contract.ts";

/** Events that may wait before a producer has to. */
const CAPACITY = 64;
/** Events that may wait when the producer cannot (config.writer is synchronous). */
const HARD_LIMIT = 65_536;

export interface EventChannel extends AsyncIterable<TurnEvent> {
  /** Resolves when there is room for more. Does nothing once the channel has ended. */
  push(kind: Extract<TurnEvent, { type: "event" }>["kind"]): Promise<void> | undefined;
  /** The last event: what comes later is ignored. */
  finish(event: TurnEvent): void;
  /** Ends the iteration with this error, dropping what nobody has read yet. Idempotent. */
  fail(error: unknown): void;
  readonly ended: boolean;
}

export function createEventChannel(): EventChannel {
  const waiting: TurnEvent[] = [];
  let head = 0;
  let ended = false;
  let failure: { error: unknown } | undefined;
  let wakeReader: (() => void) | undefined;
  let room: { promise: Promise<void>; open: () => void } | undefined;

  const add = (event: TurnEvent): void => {
    waiting.push(event);
    wakeReader?.();
  };
  const openRoom = (): void => {
    room?.open();
    room = undefined;
  };

  return {
    get ended() {
      return ended;
    },
    push(kind) {
      if (ended) return undefined;
      const count = waiting.length - head;
      if (count >= HARD_LIMIT) {
        throw new AgentlaneError(
          "resource_exhausted",
          "EVENTS_TOO_FAST",
          `the graph wrote ${HARD_LIMIT} progress events faster than they could be stored; write less often, or await between them`,
          { retryable: false },
        );
      }
      add({ type: "event", kind });
      if (count + 1 < CAPACITY) return undefined;
      room ??= deferred();
      return room.promise;
    },
    finish(event) {
      if (ended) return;
      ended = true;
      add(event);
      openRoom();
    },
    fail(error) {
      if (failure) return;
      ended = true;
      failure = { error };
      wakeReader?.();
      openRoom();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        if (failure) throw failure.error;
        const event = waiting[head];
        if (event) {
          head += 1;
          if (head === waiting.length) {
            waiting.length = 0;
            head = 0;
            openRoom();
          } else if (head >= CAPACITY) {
            waiting.splice(0, head);
            head = 0;
          }
          yield event;
        } else if (ended) {
          return;
        } else {
          await new Promise<void>((resolve) => {
            wakeReader = resolve;
          });
          wakeReader = undefined;
        }
      }
    },
  };
}

function deferred(): { promise: Promise<void>; open: () => void } {
  let open: () => void = () => undefined;
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}
