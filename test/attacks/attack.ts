/** What an attack is. */

/** Where it attacks. */
export interface Victim {
  readonly port: number;
  readonly url: string;
  /** The attacker's address, of this attack alone: what one was held off for is no other's. */
  readonly from: string;
}

export interface Attack {
  readonly name: string;
  /** Connections it attacks with at once: each may cost 64 MiB. */
  readonly connectionCount: number;
  /** What another attack does by another protocol: not a part of the short form. */
  readonly isVariant?: boolean;
  /** What takes long to make; called before the attack is timed. */
  prepare?(): void;
  /** Attacks until the signal aborts, and answers what it has done. Throws where it was let do what it must not. */
  run(victim: Victim, signal: AbortSignal): Promise<string>;
  /** What well-behaved clients would do that asks as much work of the server: compared with where this is slow. */
  honest?(victim: Victim, signal: AbortSignal): Promise<string>;
  /** Looks at all that the server has printed. Throws where the attack shows in it. */
  inspect?(output: string): void;
}

/**
 * Repeats until the signal aborts or `most` is reached, and `least` times in any case: on a busy machine
 * an attack that has hardly begun would prove nothing. Answers how often.
 */
export async function repeat(
  signal: AbortSignal,
  most: number,
  act: (count: number) => Promise<void>,
  least = 1,
): Promise<number> {
  let count = 0;
  while (count < least || (!signal.aborted && count < most)) {
    await act(count);
    count++;
    // The attacker's own loop has to see the signal.
    if (count % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  return count;
}

export function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true }),
  );
}

/** Throws unless it holds: the attack has succeeded. */
export function require(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}
