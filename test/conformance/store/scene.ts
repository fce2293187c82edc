/** A store and the steps that tests of a store are told in. */
import { expect } from "vitest";
import { CancelMode, type LogEntry } from "../../../gen/agentlane/store/v1/record_pb.js";
import type { ExecutionContext } from "../../../gen/agentlane/v1/session_pb.js";
import { type Task, TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import type {
  Claim,
  Effects,
  Ending,
  Finish,
  SessionRef,
  Store,
  SweepOptions,
  TaskRef,
} from "../../../src/store/contract.ts";
import {
  AGENT,
  executionContext,
  messageEvents,
  newTaskId,
  QUEUE,
  type SubmissionOverrides,
  submission,
  TENANT,
  taskError,
  taskResult,
} from "../../harness/builders.ts";

/** A store for one test: empty at first, gone after `dispose`, which also looks for leaks. */
export interface StoreFixture {
  /** What tests count time in; a real server takes a few milliseconds, a fake clock anything. */
  readonly unitMs: number;
  /** Whether the store rings its doorbells itself instead of asking its caller to. */
  readonly ringsItself: boolean;
  /** A started store; all of a fixture share their data where processes could. */
  make(): Promise<Store>;
  /** Lets at least that much of the store's time pass. */
  advance(byMs: number): Promise<void>;
  /**
   * All that is kept, in any order: a line a record, readable where it is text. Lines of what no tenant's
   * data is in, but its passing changes, begin with "figures".
   */
  dump(): Promise<string[]>;
  dispose(): Promise<void>;
}

export interface Accepted {
  readonly ref: TaskRef;
  readonly task: Task;
  readonly existing: boolean;
  readonly effects: Effects;
}

const LEASE_UNITS = 10;
const LONG_UNITS = 1_000_000;

export class Scene {
  #fixture: StoreFixture | undefined;
  #store: Store | undefined;

  async open(fixture: StoreFixture): Promise<void> {
    this.#fixture = fixture;
    this.#store = await fixture.make();
  }

  async close(): Promise<void> {
    await this.#fixture?.dispose();
  }

  get store(): Store {
    if (!this.#store) throw new Error("the scene is not open");
    return this.#store;
  }

  get ringsItself(): boolean {
    return this.#open.ringsItself;
  }

  ms(units: number): number {
    return units * this.#open.unitMs;
  }

  get leaseMs(): number {
    return this.ms(LEASE_UNITS);
  }

  async pass(units: number): Promise<void> {
    await this.#open.advance(this.ms(units));
  }

  /** Past the end of every lease that was taken before. */
  async outliveLeases(): Promise<void> {
    await this.pass(LEASE_UNITS + 1);
  }

  async accept(overrides: SubmissionOverrides = {}): Promise<Accepted> {
    const { task, existing, effects } = await this.store.tasks.create(submission(overrides));
    return {
      ref: { tenant: overrides.tenant ?? TENANT, taskId: task.taskId },
      task,
      existing,
      effects,
    };
  }

  /** Three tasks of session s1, in order. */
  async lane(overrides: SubmissionOverrides = {}): Promise<[TaskRef, TaskRef, TaskRef]> {
    const next = async (): Promise<TaskRef> => (await this.acceptIn("s1", overrides)).ref;
    return [await next(), await next(), await next()];
  }

  acceptIn(sessionId: string, overrides: SubmissionOverrides = {}): Promise<Accepted> {
    return this.accept({ ...overrides, task: { sessionId, ...overrides.task } });
  }

  async tryClaim(
    ref: TaskRef,
    workerId = "w1",
    claimId: string = newTaskId(),
  ): Promise<Claim | undefined> {
    return (await this.claimAs(ref, workerId, claimId)).claim;
  }

  /** A claim with its effects; the same id makes it a repeat. */
  claimAs(ref: TaskRef, workerId: string, claimId: string) {
    const { leaseMs } = this;
    return this.store.tasks.claim({ ref, workerId, claimId, leaseMs, spanId: "" });
  }

  async claim(ref: TaskRef, workerId = "w1", claimId: string = newTaskId()): Promise<Claim> {
    const claim = await this.tryClaim(ref, workerId, claimId);
    if (!claim) throw new Error(`task ${ref.taskId} cannot be claimed`);
    return claim;
  }

  /** Accepts and claims a task. */
  async run(overrides: SubmissionOverrides = {}): Promise<Claim> {
    return this.claim((await this.accept(overrides)).ref);
  }

  async append(claim: Claim, ...texts: string[]): Promise<number> {
    const after = (await this.get(claim.lease)).lastSequence;
    const { lastSequence } = await this.store.tasks.append(
      claim.lease,
      after,
      messageEvents(...texts),
    );
    return lastSequence;
  }

  finish(claim: Claim, ending: Ending, more: Partial<Finish> = {}) {
    const afterSequence = claim.record.task?.lastSequence ?? 0;
    return this.store.tasks.finish(claim.lease, { afterSequence, events: [], ending, ...more });
  }

  complete(claim: Claim, session?: ExecutionContext) {
    return this.finish(claim, completed(), session ? { session } : {});
  }

  /** Commits a turn of the claim's session at its next version. */
  async commit(claim: Claim, overrides: Parameters<typeof executionContext>[0] = {}) {
    const { tenant } = claim.lease;
    const { agentId = AGENT, sessionId = "" } = claim.record.task ?? {};
    const stored = await this.store.sessions.load({ tenant, agentId, sessionId });
    const version = (stored?.context.version ?? 0n) + 1n;
    return this.complete(claim, executionContext({ agentId, sessionId, version, ...overrides }));
  }

  fail(claim: Claim, reason = "AGENT_ERROR") {
    return this.finish(claim, failed(reason));
  }

  release(claim: Claim) {
    return this.finish(claim, released());
  }

  retry(claim: Claim, delayUnits = 0) {
    return this.finish(claim, retried(this.ms(delayUnits)));
  }

  cancel(ref: TaskRef, mode = CancelMode.DISCARD, reason = "no longer needed") {
    const { tenant, taskId } = ref;
    return this.store.tasks.requestCancel({ tenant, target: { taskId }, mode, reason });
  }

  cancelByKey(idempotencyKey: string, tenant = TENANT) {
    const target = { idempotencyKey };
    return this.store.tasks.requestCancel({
      tenant,
      target,
      mode: CancelMode.DISCARD,
      reason: "no longer needed",
    });
  }

  /** With nothing past retention and nothing rung again, unless the test says so. */
  sweep(overrides: Partial<SweepOptions> = {}) {
    return this.store.tasks.sweep({
      limit: 100,
      unpublishedAfterMs: this.ms(LONG_UNITS),
      logRetentionMs: this.ms(LONG_UNITS),
      taskRetentionMs: this.ms(LONG_UNITS),
      deadLetterRetentionMs: this.ms(LONG_UNITS),
      sessionRetentionMs: this.ms(LONG_UNITS),
      ...overrides,
    });
  }

  get(ref: TaskRef): Promise<Task> {
    return this.store.log.get(ref);
  }

  async state(ref: TaskRef): Promise<TaskState> {
    return (await this.get(ref)).state;
  }

  async entries(ref: TaskRef): Promise<LogEntry[]> {
    return (await this.store.log.read(ref, 0, 10_000)).entries;
  }

  /** The states that the log tells of, in order. */
  async history(ref: TaskRef): Promise<TaskState[]> {
    const entries = await this.entries(ref);
    return entries.flatMap(({ event }) => {
      return event?.kind.case === "stateChange" ? [event.kind.value.state] : [];
    });
  }

  /** Ids of the tasks that are ready. */
  async ready(queue = QUEUE): Promise<string[]> {
    return (await this.store.tasks.ready(queue, "", 1000)).map(({ taskId }) => taskId);
  }

  async deadLetters(tenant = TENANT): Promise<string[]> {
    const page = await this.store.deadLetters.list(tenant, {}, { size: 100, token: "" });
    return page.items.map(({ taskId }) => taskId);
  }

  session(sessionId = "s1", tenant = TENANT): SessionRef {
    return { tenant, agentId: AGENT, sessionId };
  }

  async dump(): Promise<string[]> {
    return (await this.#open.dump()).filter((line) => !line.startsWith("figures")).sort();
  }

  expectRung(effects: Effects, ...refs: TaskRef[]): void {
    if (this.#open.ringsItself) return;
    expect(effects.doorbells.map(({ taskId }) => taskId)).toEqual(refs.map(({ taskId }) => taskId));
  }

  get #open(): StoreFixture {
    if (!this.#fixture) throw new Error("the scene is not open");
    return this.#fixture;
  }
}

export function completed(text?: string): Ending {
  return { state: TaskState.COMPLETED, result: taskResult(text) };
}

export function interrupted(): Ending {
  return { state: TaskState.INPUT_REQUIRED, result: taskResult() };
}

export function failed(reason = "AGENT_ERROR"): Ending {
  return { state: TaskState.FAILED, error: taskError({ reason }) };
}

export function canceled(): Ending {
  return { state: TaskState.CANCELED, error: taskError({ reason: "CANCELED" }) };
}

export function released(): Ending {
  return { state: TaskState.QUEUED, error: taskError({ reason: "WORKER_DRAINED" }) };
}

export function retried(delayMs = 0): Extract<Ending, { state: TaskState.RETRY_WAIT }> {
  return { state: TaskState.RETRY_WAIT, error: taskError(), delayMs };
}

/** Sequences and texts of message events, sequences of the others. */
export function told(entries: readonly LogEntry[]): string[] {
  return entries.map(({ sequence, event }) => {
    if (event?.kind.case !== "message") return `${sequence}`;
    const part = event.kind.value.content[0]?.part;
    return part?.case === "text" ? `${sequence} ${part.value}` : `${sequence}`;
  });
}

/** The log entries that effects tell watchers of. */
export function announced({ notices }: Effects): LogEntry[] {
  return notices.flatMap(({ kind }) => (kind.case === "entries" ? kind.value.entries : []));
}
