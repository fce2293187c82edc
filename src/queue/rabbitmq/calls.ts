/** Calls that wait for a delivery, with one listener a signal: the slots of a worker share theirs. */
import { type Link, LinkedList } from "../../linked-list.ts";
import type { Delivery } from "../contract.ts";

interface Call {
  readonly signal: AbortSignal;
  readonly resolve: (delivery: Delivery | undefined) => void;
  /** Its place in the line. */
  link: Link<Call> | undefined;
}

interface Sharing {
  readonly calls: Set<Call>;
  readonly abort: () => void;
}

export class Calls {
  readonly #waiting = new LinkedList<Call>();
  readonly #bySignal = new Map<AbortSignal, Sharing>();
  readonly #onAbort: () => void;

  constructor(onAbort: () => void) {
    this.#onAbort = onAbort;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** Resolves with undefined when the signal aborts. */
  wait(signal: AbortSignal): Promise<Delivery | undefined> {
    return new Promise((resolve) => {
      const call: Call = { signal, resolve, link: undefined };
      call.link = this.#waiting.append(call);
      this.#sharingOf(signal).calls.add(call);
    });
  }

  /** Resolves the one that has waited longest. */
  serve(delivery: Delivery | undefined): void {
    const call = this.#waiting.first;
    if (call) this.#end(call, delivery);
  }

  #sharingOf(signal: AbortSignal): Sharing {
    let sharing = this.#bySignal.get(signal);
    if (!sharing) {
      const calls = new Set<Call>();
      const abort = (): void => {
        for (const call of [...calls]) this.#end(call, undefined);
        this.#onAbort();
      };
      sharing = { calls, abort };
      this.#bySignal.set(signal, sharing);
      signal.addEventListener("abort", abort, { once: true });
    }
    return sharing;
  }

  #end(call: Call, delivery: Delivery | undefined): void {
    const { signal, resolve } = call;
    this.#waiting.remove(call.link);
    const sharing = this.#bySignal.get(signal);
    sharing?.calls.delete(call);
    if (sharing?.calls.size === 0) {
      signal.removeEventListener("abort", sharing.abort);
      this.#bySignal.delete(signal);
    }
    resolve(delivery);
  }
}
