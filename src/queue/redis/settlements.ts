/** What a consumer has decided about its deliveries and Redis does not know yet. */

export type Settlement =
  | { readonly kind: "ack"; readonly id: string }
  | {
      readonly kind: "nack";
      readonly id: string;
      readonly delayMs: number;
      /** False for what reached nobody. */
      readonly redelivered: boolean;
    }
  | { readonly kind: "unreadable"; readonly id: string };

/** Settlements are kept until a reply confirms them; repeating one does nothing. */
export class Settlements {
  #waiting: Settlement[] = [];
  readonly #sent = new Set<readonly Settlement[]>();
  #hasOnlyAcks = true;

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Also when nothing waits. */
  get hasOnlyAcks(): boolean {
    return this.#hasOnlyAcks;
  }

  add(settlement: Settlement): void {
    this.#waiting.push(settlement);
    if (settlement.kind !== "ack") this.#hasOnlyAcks = false;
  }

  /** All that waits, as sent: to be confirmed or failed. */
  send(): readonly Settlement[] {
    const batch = this.#waiting;
    this.#waiting = [];
    this.#hasOnlyAcks = true;
    this.#sent.add(batch);
    return batch;
  }

  confirm(batch: readonly Settlement[]): void {
    this.#sent.delete(batch);
  }

  fail(batch: readonly Settlement[]): void {
    if (!this.#sent.delete(batch)) return;
    this.#waiting = [...batch, ...this.#waiting];
    this.#hasOnlyAcks = false;
  }

  clear(): void {
    this.#waiting = [];
    this.#hasOnlyAcks = true;
    this.#sent.clear();
  }

  /** Ids that Redis may still hold although they are settled here. */
  ids(): Set<string> {
    const batches = [this.#waiting, ...this.#sent];
    return new Set(batches.flatMap((batch) => batch.map(({ id }) => id)));
  }
}

/** The three lists of lua/exchange.lua. */
export function listsOf(batch: readonly Settlement[]): (string | number)[] {
  const acks = batch.filter(({ kind }) => kind === "ack");
  const nacks = batch.filter((settlement) => settlement.kind === "nack");
  const unreadable = batch.filter(({ kind }) => kind === "unreadable");
  return [
    acks.length,
    ...acks.map(({ id }) => id),
    nacks.length,
    ...nacks.flatMap(({ id, delayMs, redelivered }) => [
      id,
      Math.max(0, Math.round(delayMs)),
      redelivered ? 1 : 0,
    ]),
    unreadable.length,
    ...unreadable.map(({ id }) => id),
  ];
}
