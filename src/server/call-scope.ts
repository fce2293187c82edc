/** The life of one call: its deadline, its signal, its end. */
import type { Clock, Timer } from "../clock.ts";
import { AgentlaneError } from "../errors.ts";

export interface CallScope {
  readonly signal: AbortSignal;
  remainingMs(): number | undefined;
  /** The result of `work`, or a rejection as soon as the deadline passes. One at a time. */
  beforeDeadline<T>(work: Promise<T>): Promise<T>;
  /** The call ends now, with this: the signal aborts, and `beforeDeadline` rejects where there is one. Idempotent. */
  end(reason: AgentlaneError): void;
  /** The handler is done: the signal will not abort any more. Idempotent. */
  finish(): void;
  /**
   * The reply is out or nobody can be told any more; the latter when the handler is not done. Then
   * the signal aborts with the reason. Idempotent.
   */
  close(reason: AgentlaneError): void;
}

/**
 * A client whose deadline passes resets the call a moment before or after our own timer fires. The
 * task then ends by its deadline, so calling an early reset a passed deadline changes nothing else.
 */
const DEADLINE_SLACK_MS = 100;

export function createCallScope(clock: Clock, deadlineInMs: number | undefined): CallScope {
  const controller = new AbortController();
  const startedAt = deadlineInMs === undefined ? 0 : clock.monotonic();
  let finished = false;
  let rejectPending: ((reason: unknown) => void) | undefined;
  let timer: Timer | undefined;

  const remainingMs = (): number | undefined =>
    deadlineInMs === undefined ? undefined : deadlineInMs - (clock.monotonic() - startedAt);

  const end = (reason: AgentlaneError): void => {
    if (finished) return;
    finished = true;
    timer?.clear();
    controller.abort(reason);
    rejectPending?.(reason);
  };

  if (deadlineInMs !== undefined) {
    timer = clock.setTimer(deadlineInMs, () => end(deadlineExceeded()));
  }

  return {
    signal: controller.signal,
    remainingMs,
    beforeDeadline(work) {
      if (deadlineInMs === undefined) return work;
      if (controller.signal.aborted) {
        work.catch(() => undefined);
        return Promise.reject(controller.signal.reason);
      }
      return new Promise((resolve, reject) => {
        rejectPending = reject;
        work.then(resolve, reject);
      });
    },
    end,
    finish() {
      finished = true;
      timer?.clear();
    },
    close(reason) {
      if (finished) return;
      const left = remainingMs();
      end(left !== undefined && left <= DEADLINE_SLACK_MS ? deadlineExceeded() : reason);
    },
  };
}

export function deadlineExceeded(): AgentlaneError {
  return new AgentlaneError(
    "deadline_exceeded",
    "DEADLINE_EXCEEDED",
    "the deadline passed before the call was done",
  );
}

export function disconnected(): AgentlaneError {
  return new AgentlaneError("canceled", "CLIENT_DISCONNECTED", "the client ended the call");
}

/** We have cut the connection: nobody wishes the call's work to be canceled. */
export function serverStopped(): AgentlaneError {
  return new AgentlaneError("unavailable", "SERVER_STOPPED", "the server stopped");
}
