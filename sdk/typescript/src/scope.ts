/** One operation of a caller, over as many calls as it takes. */
import { AgentlaneError } from "./errors.ts";

export interface CallOptions {
  /** Limit on the whole operation, reconnects included; it is the task's deadline too. */
  readonly deadlineMs?: number | undefined;
  /** Gives the operation up; a turn that it runs is canceled. */
  readonly signal?: AbortSignal | undefined;
  /** Metadata of the call. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Full jitter: uniform in [0, min(maxBackoffMs, initialBackoffMs × multiplier^(n−1))]. */
export interface RetryOptions {
  /** Tries in a row without progress, the first included. By default a restart is waited for. */
  readonly maxTries: number;
  readonly initialBackoffMs: number;
  readonly multiplier: number;
  readonly maxBackoffMs: number;
}

export const DEFAULT_RETRY: RetryOptions = {
  maxTries: 8,
  initialBackoffMs: 100,
  multiplier: 2,
  maxBackoffMs: 5000,
};

/** What Connect's generated clients take. */
interface WireOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
}

export class Scope {
  readonly #options: CallOptions;
  readonly #retry: RetryOptions;
  readonly #endsAt: number | undefined;

  constructor(options: CallOptions, retry: RetryOptions) {
    this.#options = options;
    this.#retry = retry;
    const { deadlineMs } = options;
    this.#endsAt = deadlineMs === undefined ? undefined : Date.now() + deadlineMs;
  }

  get gaveUp(): boolean {
    return this.#options.signal?.aborted ?? false;
  }

  /** For the next call. Throws when there is no time for one. */
  wireOptions(): WireOptions {
    const { signal, headers } = this.#options;
    if (this.gaveUp) throw this.error(undefined);
    const timeoutMs = this.#endsAt === undefined ? undefined : this.#endsAt - Date.now();
    if (timeoutMs !== undefined && timeoutMs <= 0) throw deadlineExceeded(undefined);
    return {
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
      ...(signal && { signal }),
      ...(headers && { headers }),
    };
  }

  /** What the caller is told of a failure. */
  error(cause: unknown): AgentlaneError {
    if (this.gaveUp) {
      return new AgentlaneError("the caller gave up", {
        code: "CANCELLED",
        reason: "CANCELED",
        cause,
      });
    }
    const error = AgentlaneError.from(cause);
    // A transport's own timer and the server's answer are the same news.
    return error.code === "DEADLINE_EXCEEDED" ? deadlineExceeded(error) : error;
  }

  /** Until the next try; false when there is none to be made. `tries`: those made so far. */
  async pause(tries: number, error: AgentlaneError): Promise<boolean> {
    const { maxTries, initialBackoffMs, multiplier, maxBackoffMs } = this.#retry;
    const bound = Math.min(maxBackoffMs, initialBackoffMs * multiplier ** (tries - 1));
    const delayMs = (error.retryAfterMs ?? 0) + Math.random() * bound;
    const isLate = this.#endsAt !== undefined && Date.now() + delayMs >= this.#endsAt;
    if (!error.mayResend || tries >= maxTries || isLate) return false;
    await sleep(delayMs, this.#options.signal);
    return true;
  }

  /** Repeats a call that changes nothing when it is repeated. */
  async repeat<T>(call: (options: WireOptions) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await call(this.wireOptions());
      } catch (cause) {
        const error = this.error(cause);
        if (!(await this.pause(tries, error))) throw error;
      }
    }
  }
}

function deadlineExceeded(error: AgentlaneError | undefined): AgentlaneError {
  return new AgentlaneError(error?.message ?? "the deadline passed", {
    code: "DEADLINE_EXCEEDED",
    reason: error?.reason,
    taskId: error?.taskId,
    cause: error,
  });
}

/** Ends early, and quietly, when the signal aborts. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done);
  });
}
