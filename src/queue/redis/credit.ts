/**
 * What a consumer can take. Credit is all that it can have been given since its beginning, so that
 * telling Redis twice gives nothing twice.
 */
export class Credit {
  readonly #prefetch: number;
  #receivedCount = 0;
  /** As Redis has it, once all that was sent is there. */
  #sent = 0;
  /** Calls that come once an attempt has ended, of which Redis hears by its end. */
  #promisedCount = 0;
  /** Whether whoever has received receives again. */
  #isTaking = false;

  constructor(prefetch: number) {
    this.#prefetch = prefetch;
  }

  /** Of the consumer that takes this one's place. */
  anew(): Credit {
    const credit = new Credit(this.#prefetch);
    credit.#isTaking = this.#isTaking;
    return credit;
  }

  get sent(): number {
    return this.#sent;
  }

  /** Whether Redis can give half of the prefetch without hearing of more. */
  get hasSpare(): boolean {
    return 2 * (this.#sent - this.#receivedCount) >= this.#prefetch;
  }

  /** With so many calls that wait, deliveries that nobody has settled, and others that nobody has taken. */
  now(callCount: number, unsettledCount: number, strayCount: number): number {
    const freeCount = Math.min(callCount + this.#promisedCount, this.#prefetch - unsettledCount);
    return this.#receivedCount + Math.max(0, freeCount - strayCount);
  }

  /** What was given for a promised call may come before the call does. */
  get awaitedCount(): number {
    return this.#promisedCount;
  }

  tell(credit: number): number {
    this.#sent = credit;
    return credit;
  }

  received(): void {
    this.#receivedCount++;
  }

  called(): void {
    this.#isTaking = true;
    if (this.#promisedCount > 0) this.#promisedCount--;
  }

  /** Calls are given up: who ends now does not call again. */
  ends(): void {
    this.#isTaking = false;
    this.#promisedCount = 0;
  }

  /**
   * Whether the call that comes when an attempt has ended is promised to Redis by its end. Not while
   * most calls wait: then Redis can give without, and the promise would cost more than it saves.
   */
  promise(callCount: number): boolean {
    if (!this.#isTaking || (this.hasSpare && 2 * callCount >= this.#prefetch)) return false;
    this.#promisedCount++;
    this.#sent++;
    return true;
  }

  /** Redis has not heard of it. */
  breakPromise(): void {
    this.#sent--;
    if (this.#promisedCount > 0) this.#promisedCount--;
  }
}
