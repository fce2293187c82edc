/**
 * Which level a consumer asks next. The broker tells nobody how old the first message of a queue is,
 * so its age is estimated, never too low: the next one was published after the last one that came,
 * and after the last time the queue was found empty. A level counts as one higher per ageing interval
 * of that age, and takes turns with those that are where they were published.
 */
import { Priority } from "../../../gen/agentlane/v1/task_pb.js";
import type { Level } from "./levels.ts";

export interface Turn {
  readonly level: Level;
  /** The first message of the level was published then, or later. */
  readonly headAtMs: number;
}

export class TurnOrder {
  readonly #ageingMs: number;
  #risenIsNext = true;

  constructor(ageingMs: number) {
    this.#ageingMs = ageingMs;
  }

  /** Undefined when there are none. */
  next<T extends Turn>(turns: readonly T[], nowMs: number): T | undefined {
    const { published, risen } = this.#top(turns, nowMs);
    const line = risen.length > 0 && (published.length === 0 || this.#risenIsNext);
    return oldest(line ? risen : published);
  }

  /** A message of it is handed out; `turns` as `next` got them. */
  served(turn: Turn, turns: readonly Turn[], nowMs: number): void {
    const { published, risen } = this.#top(turns, nowMs);
    if (published.length > 0 && risen.length > 0) this.#risenIsNext = published.includes(turn);
  }

  #top<T extends Turn>(turns: readonly T[], nowMs: number): { published: T[]; risen: T[] } {
    let top: number = Priority.UNSPECIFIED;
    for (const turn of turns) top = Math.max(top, this.#levelOf(turn, nowMs));
    const atTop = turns.filter((turn) => this.#levelOf(turn, nowMs) === top);
    return {
      published: atTop.filter(({ level }) => level === top),
      risen: atTop.filter(({ level }) => level !== top),
    };
  }

  #levelOf({ level, headAtMs }: Turn, nowMs: number): number {
    const risenBy = Math.max(0, Math.floor((nowMs - headAtMs) / this.#ageingMs));
    return Math.min(level + risenBy, Priority.URGENT);
  }
}

function oldest<T extends Turn>(turns: readonly T[]): T | undefined {
  let first: T | undefined;
  for (const turn of turns) if (!first || turn.headAtMs < first.headAtMs) first = turn;
  return first;
}
