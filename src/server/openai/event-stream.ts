/**
 * Server-sent events to one client, no faster than it reads them. Nothing is sent before there is
 * something to say, so that an early failure still has its HTTP status; a stream that is silent for
 * long says that it lives, for the sake of proxies and of clients that wait for the headers.
 */
import type { Clock, Timer } from "../../clock.ts";
import type { HttpResponse } from "../connect-adapter.ts";

export interface EventStream {
  /** Whether the status line is out. */
  readonly opened: boolean;
  /** Idempotent: there is a task, from now on it is told that it lives. */
  begin(taskId: string): void;
  /** The data of each. Resolves when there is room for more, or nobody to send to. */
  send(events: readonly string[]): Promise<void>;
  /** With a last event. */
  end(last: string): void;
}

export interface EventStreamParts {
  readonly response: HttpResponse;
  readonly clock: Clock;
  /** Calls back once, when the response is out or the client is gone. */
  onClose(callback: () => void): void;
}

/** Shorter than the idle limits of common proxies (60 s and more). */
const SIGN_OF_LIFE_MS = 15_000;
/** A comment: clients skip it. */
const SIGN_OF_LIFE = ": waiting\n\n";

export function createEventStream(parts: EventStreamParts): EventStream {
  const { response, clock } = parts;
  let opened = false;
  let closed = false;
  let hasRoom = true;
  let silent = true;
  let timer: Timer | undefined;
  let wake: (() => void) | undefined;

  const onRoom = (): void => {
    hasRoom = true;
    wake?.();
  };
  response.on("drain", onRoom);
  parts.onClose(() => {
    closed = true;
    timer?.clear();
    response.off("drain", onRoom);
    wake?.();
  });

  function open(): void {
    if (opened) return;
    opened = true;
    response.setHeader("content-type", "text/event-stream; charset=utf-8");
    response.setHeader("cache-control", "no-cache");
    response.setHeader("x-accel-buffering", "no");
  }

  function write(text: string): void {
    if (closed) return;
    open();
    silent = false;
    hasRoom = writeTo(response, text);
  }

  function look(): void {
    if (closed) return;
    if (silent && hasRoom) write(SIGN_OF_LIFE);
    silent = true;
    timer = clock.setTimer(SIGN_OF_LIFE_MS, look);
  }

  return {
    get opened() {
      return opened;
    },
    begin(taskId) {
      if (timer || closed) return;
      response.setHeader("x-request-id", taskId);
      timer = clock.setTimer(SIGN_OF_LIFE_MS, look);
    },
    async send(events) {
      if (events.length > 0) write(events.map(data).join(""));
      if (hasRoom || closed) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
      wake = undefined;
    },
    end(last) {
      if (closed) return;
      open();
      timer?.clear();
      response.end(data(last));
    },
  };
}

function data(text: string): string {
  return `data: ${text}\n\n`;
}

/** The two kinds of responses have signatures of `write` that TypeScript cannot call as one. */
function writeTo(response: HttpResponse, text: string): boolean {
  return "stream" in response ? response.write(text) : response.write(text);
}
