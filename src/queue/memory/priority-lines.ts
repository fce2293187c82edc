/**
 * The order of a queue's messages: strict between priorities, first in first out inside one, and a
 * message gains one level per ageing interval it has waited. Messages that have risen to a level take
 * turns with those that were published at it: so neither can a flood of urgent messages starve a low
 * one, nor a backlog of old low ones hold up an urgent one for long.
 *
 * Every line is ordered by the instant its messages came to the level, so only heads can be due to
 * rise, and each message rises at most three times: O(1) amortized, without timers.
 */
import type { QueueMessage } from "../../../gen/agentlane/store/v1/record_pb.js";
import { Priority } from "../../../gen/agentlane/v1/task_pb.js";
import { LinkedList } from "../../linked-list.ts";

/** A message that waits, with where it stands. */
export interface WaitingMessage {
  readonly message: QueueMessage;
  redelivered: boolean;
  level: Priority;
  levelSinceMs: number;
  /** When it came to the queue. */
  readonly publishedAtMs: number;
}

export const LEVELS = [
  Priority.LOW,
  Priority.NORMAL,
  Priority.HIGH,
  Priority.URGENT,
] as const satisfies Priority[];

interface Lines {
  readonly level: Priority;
  readonly published: LinkedList<WaitingMessage>;
  readonly risen: LinkedList<WaitingMessage>;
  risenIsNext: boolean;
}

export class PriorityLines {
  readonly #ageingMs: number;
  /** Lowest level first. */
  readonly #levels: Lines[] = LEVELS.map((level) => ({
    level,
    published: new LinkedList(),
    risen: new LinkedList(),
    risenIsNext: true,
  }));
  #size = 0;

  constructor(ageingMs: number) {
    this.#ageingMs = ageingMs;
  }

  get size(): number {
    return this.#size;
  }

  /** At the end of its priority. */
  append(waiting: WaitingMessage): void {
    this.#linesOf(waiting.level).published.append(waiting);
    this.#size++;
  }

  /** Back to the head of the line it was taken from. */
  putBack(waiting: WaitingMessage): void {
    const { published, risen } = this.#linesOf(waiting.level);
    const line = waiting.level > levelOf(waiting.message) ? risen : published;
    line.prepend(waiting);
    this.#size++;
  }

  /** The level of the message that would be taken next; undefined when there is none. */
  topLevel(nowMs: number): Priority | undefined {
    return this.#top(nowMs)?.level;
  }

  take(nowMs: number): WaitingMessage | undefined {
    const top = this.#top(nowMs);
    if (!top) return undefined;
    const { published, risen } = top;
    const fromRisen = published.size === 0 || (risen.size > 0 && top.risenIsNext);
    if (published.size > 0 && risen.size > 0) top.risenIsNext = !fromRisen;
    this.#size--;
    return (fromRisen ? risen : published).shift();
  }

  *all(): Generator<WaitingMessage, void> {
    for (const { published, risen } of this.#levels) {
      yield* published.forward();
      yield* risen.forward();
    }
  }

  /** When the longest waiting message was published; undefined when none waits. */
  oldestPublishedAtMs(): number | undefined {
    let oldestMs: number | undefined;
    for (const { published, risen } of this.#levels) {
      for (const head of [published.first, risen.first]) {
        if (head) oldestMs = Math.min(oldestMs ?? head.publishedAtMs, head.publishedAtMs);
      }
    }
    return oldestMs;
  }

  #top(nowMs: number): Lines | undefined {
    if (this.#size === 0) return undefined;
    this.#rise(nowMs);
    return this.#levels.findLast(({ published, risen }) => published.size + risen.size > 0);
  }

  #rise(nowMs: number): void {
    this.#levels.forEach((from, index) => {
      const to = this.#levels[index + 1];
      if (!to) return;
      for (;;) {
        const line = longestWaiting(from);
        const head = line.first;
        if (!head || head.levelSinceMs + this.#ageingMs > nowMs) return;
        line.shift();
        head.level = to.level;
        head.levelSinceMs += this.#ageingMs;
        to.risen.append(head);
      }
    });
  }

  #linesOf(level: Priority): Lines {
    const lines = this.#levels.find((candidate) => candidate.level === level);
    if (!lines) throw new RangeError(`no lines for priority ${level}`);
    return lines;
  }
}

/** A broker's payload is not trusted to name a level: what is none counts as NORMAL. */
export function levelOf({ priority }: QueueMessage): Priority {
  return LEVELS.find((level) => level === priority) ?? Priority.NORMAL;
}

function longestWaiting({ published, risen }: Lines): LinkedList<WaitingMessage> {
  if (!published.first) return risen;
  if (!risen.first) return published;
  return risen.first.levelSinceMs <= published.first.levelSinceMs ? risen : published;
}
