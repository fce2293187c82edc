/**
 * Ids of what models answer. A graph's state replaces a message by its id, and some endpoints give
 * every completion the same one: the answer would overwrite an older one, and be taken for it.
 */
import { isMessage } from "./node-output.ts";

export class AnswerIds {
  readonly #known: ReadonlySet<string>;
  /** Ids of this turn's answers, and the model run that each belongs to. */
  readonly #owners = new Map<string, string>();

  /** `known` may grow later. */
  constructor(known: ReadonlySet<string>) {
    this.#known = known;
  }

  /**
   * The id of a run's answer, written into `message`, which is the answer or a piece of it; undefined
   * while it has none. Called before the graph sees the message.
   */
  claim(message: unknown, runId: string): string | undefined {
    if (!isMessage(message) || !message.id) return undefined;
    const owner = this.#owners.get(message.id);
    const isTaken = owner === undefined ? this.#known.has(message.id) : owner !== runId;
    // LangChain's own form of an id; runs are unique, so it cannot be taken.
    const id = isTaken ? `run-${runId}` : message.id;
    if (isTaken) {
      message.id = id;
      message.lc_kwargs.id = id;
    }
    this.#owners.set(id, runId);
    return id;
  }
}
