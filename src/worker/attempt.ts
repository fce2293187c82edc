/**
 * One attempt at a task: from the claim to the ending. The only place with a broad catch: whatever
 * an agent throws becomes a TaskError, and the retry policy decides what follows.
 */
import { CancelMode } from "../../gen/agentlane/store/v1/record_pb.js";
import type { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import type { Clock, Random, Timer } from "../clock.ts";
import { AgentlaneError, isKind } from "../errors.ts";
import type { FrameworkExecutor, Turn, TurnEvent, TurnOutcome } from "../executor/contract.ts";
import type { InstanceLease, InstanceManager } from "../executor/instance-manager.ts";
import type { Router } from "../executor/router.ts";
import type { NewId } from "../ids.ts";
import type { Claim, Finish, Store, TaskRef } from "../store/contract.ts";
import type { Dispatcher } from "../tasks/dispatcher.ts";
import { reasonOf } from "../tasks/retry.ts";
import { asAgentlaneError } from "../tasks/task-error.ts";
import { type AttemptEnd, endOf, type Prepared, type Run, WORKER_DRAINING } from "./attempt-end.ts";
import type { AttemptRecord } from "./attempt-record.ts";
import type { AttemptSpan } from "./attempt-span.ts";
import { createEventLog, type EventLog, type LogLimits } from "./event-log.ts";
import type { LeaseHolder, LeaseKeeper } from "./lease-keeper.ts";
import { createPartialOutput } from "./partial-output.ts";
import { forgetSession, openInstance, prepareTurn } from "./turn.ts";

export interface AttemptParts {
  readonly store: Store;
  readonly dispatcher: Dispatcher;
  readonly router: Router;
  readonly instances: InstanceManager;
  readonly leases: LeaseKeeper;
  readonly clock: Clock;
  readonly random: Random;
  readonly newId: NewId;
  /** How long an aborted executor may take before its attempt ends without it (CANCEL_GRACE). */
  readonly abortGraceMs: number;
  readonly logLimits: LogLimits;
  readonly record: AttemptRecord;
  /** Told what could not be written and of executors that did not stop in time. */
  readonly onProblem: (message: string, error: unknown, task: TaskRef) => void;
}

/** A running attempt, as the pool sees it. */
export interface RunningAttempt {
  readonly tenant: string;
  readonly taskId: string;
  /** Monotonic: when its claim was asked for. */
  readonly startedAt: number;
  cancel(mode: CancelMode, reason: string): void;
  /** Hands the task back without consuming an attempt. */
  release(): void;
  /** Resolves when the ending is written, or is not ours to write any more. */
  readonly done: Promise<void>;
}

export function startAttempt(
  parts: AttemptParts,
  claim: Claim,
  claimedAt: number,
  span: AttemptSpan,
): RunningAttempt {
  const attempt = new Attempt(parts, claim, claimedAt, span);
  const { tenant, taskId } = claim.lease;
  return {
    tenant,
    taskId,
    startedAt: claimedAt,
    cancel: (mode, reason) => attempt.cancel(mode, reason),
    release: () => attempt.release(),
    done: attempt.run(),
  };
}

interface WrittenEnd extends AttemptEnd {
  /** What the task has become. */
  readonly state: TaskState;
}

class Attempt implements LeaseHolder {
  readonly lease: Claim["lease"];
  readonly limitMs: number;
  readonly #parts: AttemptParts;
  readonly #claim: Claim;
  readonly #claimedAt: number;
  readonly #span: AttemptSpan;
  readonly #abort = new AbortController();
  readonly #partial = createPartialOutput();
  readonly #log: EventLog;
  #lost = false;
  #cancelMode = CancelMode.UNSPECIFIED;

  constructor(parts: AttemptParts, claim: Claim, claimedAt: number, span: AttemptSpan) {
    this.lease = claim.lease;
    const timeoutMs = Number(claim.record.timeoutMs);
    this.limitMs = Math.min(timeoutMs, claim.deadlineInMs ?? timeoutMs);
    this.#parts = parts;
    this.#claim = claim;
    this.#claimedAt = claimedAt;
    this.#span = span;
    this.#log = createEventLog(
      {
        tasks: parts.store.tasks,
        dispatcher: parts.dispatcher,
        clock: parts.clock,
        lease: claim.lease,
        limits: parts.logLimits,
        persist: (write) => this.#persist(write),
        onFailure: (error) => {
          if (isKind(error, "lease_lost")) this.lost();
          else this.#abort.abort(asAgentlaneError(error));
        },
      },
      claim.record.task?.lastSequence ?? 0,
    );
  }

  lost(): void {
    if (!this.#lost) this.#parts.record.leaseLost();
    this.#lost = true;
    this.#abort.abort(new AgentlaneError("lease_lost", "LEASE_LOST", "the lease was lost"));
  }

  /** A later DISCARD overrides KEEP: the session must stay as it was. */
  cancel(mode: CancelMode, reason: string): void {
    if (this.#cancelMode !== CancelMode.DISCARD) this.#cancelMode = mode;
    this.#abort.abort(new AgentlaneError("canceled", "CANCELED", reason || "canceled"));
  }

  release(): void {
    this.#abort.abort(new AgentlaneError("unavailable", WORKER_DRAINING, "the worker is draining"));
  }

  async run(): Promise<void> {
    const { leases, onProblem } = this.#parts;
    const { cancelMode, cancelReason } = this.#claim.record;
    const timers = this.#startTimers();
    leases.hold(this, this.#claimedAt, this.#claim.leaseLeftMs);
    if (cancelMode !== CancelMode.UNSPECIFIED) this.cancel(cancelMode, cancelReason);
    let state: TaskState | undefined;
    let reason = "";
    try {
      const end = await this.#executeAndFinish();
      state = end?.state;
      reason = end ? reasonOf(end.ending) : "LEASE_LOST";
    } catch (error) {
      reason = asAgentlaneError(error).reason;
      if (!isKind(error, "lease_lost")) onProblem("the ending was not written", error, this.lease);
    } finally {
      for (const timer of timers) timer.clear();
      leases.release(this);
      this.#span.end(state, reason);
      const queue = this.#claim.record.task?.queue ?? "";
      this.#parts.record.processed(queue, this.#elapsedMs(), reason);
    }
  }

  #elapsedMs(): number {
    return this.#parts.clock.monotonic() - this.#claimedAt;
  }

  #startTimers(): Timer[] {
    const { record, deadlineInMs } = this.#claim;
    const timeoutMs = Number(record.timeoutMs);
    const timers = [
      this.#limit(timeoutMs, "ATTEMPT_TIMEOUT", `the attempt ran longer than ${timeoutMs} ms`),
    ];
    if (deadlineInMs !== undefined) {
      timers.push(this.#limit(deadlineInMs, "DEADLINE_EXCEEDED", "the task's deadline passed"));
    }
    return timers;
  }

  #limit(ms: number, reason: string, message: string): Timer {
    return this.#parts.clock.setTimer(ms, () =>
      this.#abort.abort(new AgentlaneError("deadline_exceeded", reason, message)),
    );
  }

  /** Undefined when the lease was lost: then nothing is ours to write. */
  async #executeAndFinish(): Promise<WrittenEnd | undefined> {
    const { instances, clock, random } = this.#parts;
    let instance: InstanceLease | undefined;
    let prepared: Prepared | undefined;
    let run: Run;
    try {
      if (this.#claim.unreadable) throw this.#claim.unreadable;
      instance = await this.#persist(() => openInstance(instances, this.#claim));
      const { agent, executor } = this.#parts.router.route(instance.context.agentId);
      const turn = prepareTurn(
        this.#claim,
        agent,
        instance.context,
        this.#abort.signal,
        this.#parts.newId,
      );
      prepared = { agent, context: turn.context, added: turn.messages };
      run = { prepared, outcome: await this.#execute(executor, turn), error: undefined };
    } catch (error) {
      run = { prepared, outcome: undefined, error };
    }
    try {
      const pending = await this.#log.close();
      if (this.#lost) {
        // Whoever has taken it away may have deleted the session too.
        forgetSession(instances, this.#claim);
        return undefined;
      }
      const aborted = this.#abort.signal.aborted ? this.#abort.signal.reason : undefined;
      const partial = this.#cancelMode === CancelMode.KEEP ? this.#partial.messages() : undefined;
      const nowMs = clock.now();
      const end = endOf({ claim: this.#claim, run, aborted, partial, random, nowMs });
      const state = await this.#finish({ ...pending, ...end }, instance);
      return { ...end, state };
    } finally {
      instance?.release();
    }
  }

  async #execute(executor: FrameworkExecutor, turn: Turn): Promise<TurnOutcome> {
    turn.signal.throwIfAborted();
    return this.#span.invoke(this.#claim.record, executor.framework, () =>
      this.#orAbandon(this.#read(executor.execute(turn))),
    );
  }

  async #read(events: AsyncIterable<TurnEvent>): Promise<TurnOutcome> {
    const { signal } = this.#abort;
    for await (const event of events) {
      if (signal.aborted) break;
      if (event.type === "outcome") return event.outcome;
      this.#partial.observe(event.kind);
      const room = this.#log.push(event.kind);
      if (room) await room;
    }
    signal.throwIfAborted();
    throw new AgentlaneError("internal", "NO_OUTCOME", "the executor ended without an outcome");
  }

  /** An executor that does not stop within the grace is left behind: it has no way to emit. */
  async #orAbandon(reading: Promise<TurnOutcome>): Promise<TurnOutcome> {
    const { clock, abortGraceMs, onProblem } = this.#parts;
    const { signal } = this.#abort;
    const { promise: abandoned, reject } = Promise.withResolvers<never>();
    let grace: Timer | undefined;
    const startGrace = (): void => {
      grace = clock.setTimer(abortGraceMs, () => {
        onProblem("an executor ignored its signal", signal.reason, this.lease);
        reject(signal.reason);
      });
    };
    signal.addEventListener("abort", startGrace, { once: true });
    try {
      return await Promise.race([reading, abandoned]);
    } finally {
      grace?.clear();
      signal.removeEventListener("abort", startGrace);
    }
  }

  /** What the task has become. */
  async #finish(finish: Finish, instance: InstanceLease | undefined): Promise<TaskState> {
    const { store, dispatcher, record } = this.#parts;
    const { state, sessionEtag, effects } = await this.#persist(() =>
      store.tasks.finish(this.lease, finish),
    );
    const isCommitted = sessionEtag !== this.#claim.sessionEtag;
    if (finish.session && isCommitted) instance?.commit(finish.session, sessionEtag);
    record.ended(this.#claim, finish.ending, state, this.#elapsedMs(), this.#span.spanId);
    await dispatcher.dispatch(effects);
    return state;
  }

  /** A store outage shorter than the lease costs nothing but time. */
  async #persist<T>(call: () => Promise<T>): Promise<T> {
    const { clock, random } = this.#parts;
    for (;;) {
      try {
        return await call();
      } catch (error) {
        if (!isKind(error, "unavailable") || this.#lost) throw error;
      }
      await clock.sleep(100 + 400 * random());
    }
  }
}
