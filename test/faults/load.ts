/** Conversations over all gateways at once, with retries, cancels and agents that fail. */
import { setTimeout as after } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { type Task, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { isTerminal } from "../../src/tasks/task-state.ts";
import { type Caller, TaskFailure, untilAnswered } from "./calls.ts";
import { resultDigest, type Submission } from "./ledger.ts";
import { requestOf, type TurnOptions } from "./requests.ts";
import { LEASE_MS } from "./settings.ts";
import { watchLog } from "./watching.ts";

export interface Load {
  /** Submits one task of its own lane. */
  submit(turn: TurnOptions): Promise<Submission>;
  /** Takes up no new turns; resolves when all calls have their answer. */
  stop(): Promise<void>;
}

/** A gateway has answered that it cannot accept now. */
function isRefusal(error: unknown): boolean {
  const { code, details } = ConnectError.from(error);
  return code === Code.Unavailable && details.length > 0;
}

export interface LoadOptions extends Caller {
  readonly conversationCount: number;
  readonly turnsPerSession: number;
  readonly maxAheadCount: number;
}

const CANCEL_SHARE = 0.03;
const RETRIED_SHARE = 0.04;
const FAILING_SHARE = 0.004;
const SLOW_SHARE = 0.07;
/** Longer than a lease: when a frozen worker wakes up, another runs the turn that it still has. */
const SLOW = { tokens: 10, delayMs: Math.ceil((1.4 * LEASE_MS) / 10) };
const REPEATED_SHARE = 0.05;
const STREAM_SHARE = 0.35;

export function startLoad(options: LoadOptions): Load {
  const clients = new LoadClients(options);
  for (let line = 0; line < options.conversationCount; line++) clients.converse(line);
  return {
    submit: (turn) => clients.submit(turn),
    stop: () => clients.stop(),
  };
}

class LoadClients {
  readonly #options: LoadOptions;
  /** Calls and conversations under way. */
  readonly #pending = new Set<Promise<unknown>>();
  #isStopping = false;
  #turnCount = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  converse(line: number): void {
    this.#aside(this.#converse(line));
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  async submit(turn: TurnOptions, streaming = false): Promise<Submission> {
    const { random } = this.#options;
    const submission = this.#newSubmission(turn);
    // Both may create it; one of them must.
    const isDoubled = random() < REPEATED_SHARE;
    const calls = isDoubled ? [submission, submission] : [submission];
    await Promise.all(calls.map((each) => this.#submitted(each, streaming)));
    if (random() < CANCEL_SHARE) this.#aside(this.#cancel(submission));
    return submission;
  }

  #aside(doing: Promise<unknown>): void {
    const settled = doing
      .catch((error: unknown) => this.#fail(error))
      .finally(() => this.#pending.delete(settled));
    this.#pending.add(settled);
  }

  #fail(error: unknown): void {
    if (this.#options.signal.aborted) return;
    this.#options.ledger.problems.push(
      `a call failed: ${error instanceof Error ? error.message : error}`,
    );
  }

  #newSubmission(turn: TurnOptions): Submission {
    const number = ++this.#turnCount;
    const priority = Math.floor(this.#options.random() * 5);
    const submission: Submission = {
      request: requestOf(number, { priority, ...turn }),
      text: `turn ${number}`,
      sentAt: Date.now(),
      acceptedAt: Number.POSITIVE_INFINITY,
      taskIds: new Set(),
      cancelWasSent: false,
      ends: [],
      watched: [],
    };
    this.#options.ledger.submissions.push(submission);
    return submission;
  }

  async #submitted(submission: Submission, streaming: boolean): Promise<void> {
    const { onDisconnect: _unused, ...request } = submission.request;
    const { task } = await untilAnswered(this.#options, async ({ tasks }, callOptions) => {
      const startedAt = performance.now();
      try {
        return await tasks.submitTask({ ...request, streaming }, callOptions);
      } catch (error) {
        const { refusalsMs } = this.#options.ledger;
        if (isRefusal(error)) refusalsMs.push(performance.now() - startedAt);
        throw error;
      }
    });
    heard(submission, task?.taskId ?? "");
  }

  async #cancel(submission: Submission): Promise<void> {
    submission.cancelWasSent = true;
    await after(this.#options.random() * 200);
    const [taskId = ""] = submission.taskIds;
    const byKey = { case: "idempotencyKey" as const, value: submission.request.idempotencyKey };
    const target =
      this.#options.random() < 0.5 ? byKey : { case: "taskId" as const, value: taskId };
    const { task } = await untilAnswered(this.#options, ({ tasks }, callOptions) =>
      tasks.cancelTask({ target }, callOptions),
    );
    if (task) sawTask(submission, task, "CancelTask");
  }

  async #execute(turn: TurnOptions): Promise<void> {
    const submission = this.#newSubmission(turn);
    try {
      const { taskId, state, result } = await untilAnswered(
        this.#options,
        ({ agents }, callOptions) => agents.execute(submission.request, callOptions),
      );
      heard(submission, taskId);
      submission.ends.push({ state, result: resultDigest(result), by: "Execute" });
    } catch (error) {
      if (!(error instanceof TaskFailure)) throw error;
      heard(submission, error.taskId);
      const state = error.code === Code.Canceled ? TaskState.CANCELED : TaskState.FAILED;
      submission.ends.push({ state, result: undefined, by: "Execute" });
    }
  }

  async #stream(turn: TurnOptions): Promise<void> {
    const submission = this.#newSubmission(turn);
    let second: Promise<void> | undefined;
    const { end, digest, count } = await watchLog(
      this.#options,
      ({ agents }, _after, callOptions) => agents.streamExecute(submission.request, callOptions),
      ({ taskId }) => {
        heard(submission, taskId);
        second ??= this.#watch(submission, taskId);
        // Should the first fail, nobody looks at it any more.
        second.catch(() => undefined);
      },
    );
    submission.ends.push(end);
    submission.watched.push({ digest, count });
    await second;
  }

  async #watch(submission: Submission, taskId: string): Promise<void> {
    const { end, digest, count } = await watchLog(
      this.#options,
      ({ tasks }, afterSequence, callOptions) =>
        tasks.watchTask({ taskId, afterSequence }, callOptions),
    );
    submission.ends.push(end);
    submission.watched.push({ digest, count });
  }

  #turnOf(sessionId: string): TurnOptions {
    const chance = this.#options.random();
    if (chance < FAILING_SHARE) {
      return { sessionId, maxAttempts: 2, configurable: { failAttempts: 100 } };
    }
    if (chance < RETRIED_SHARE) return { sessionId, configurable: { failAttempts: 1 } };
    if (chance < SLOW_SHARE) return { sessionId, configurable: SLOW };
    return { sessionId };
  }

  async #talk(sessionId: string, turns: number): Promise<void> {
    for (let turn = 0; turn < turns && !this.#isStopping; ) {
      const ahead = 1 + Math.floor(this.#options.random() * this.#options.maxAheadCount);
      for (let index = 0; index < ahead && !this.#isStopping; index++, turn++) {
        await this.submit(this.#turnOf(sessionId), this.#options.random() < 0.2);
      }
      turn++;
      if (this.#options.random() < STREAM_SHARE) {
        const configurable = { tokens: 20, delayMs: this.#options.random() < 0.5 ? 5 : 0 };
        await this.#stream({ sessionId, configurable });
      } else {
        await this.#execute(this.#turnOf(sessionId));
      }
    }
  }

  /** Every fourth session has two clients, who do not wait for each other. */
  async #converse(line: number): Promise<void> {
    for (let generation = 0; !this.#isStopping; generation++) {
      const sessionId = `s${line}-${generation}`;
      if (line % 4 > 0) await this.#talk(sessionId, this.#options.turnsPerSession);
      else {
        const half = this.#options.turnsPerSession / 2;
        await Promise.all([
          this.#talk(sessionId, half),
          this.#talk(sessionId, half),
          this.submit({}),
        ]);
      }
    }
  }
}

function heard(submission: Submission, taskId: string): void {
  submission.taskIds.add(taskId);
  submission.acceptedAt = Math.min(submission.acceptedAt, Date.now());
}

function sawTask(submission: Submission, task: Task, by: string): void {
  submission.taskIds.add(task.taskId);
  if (!isTerminal(task.state)) return;
  const result = task.state === TaskState.COMPLETED ? resultDigest(task.result) : undefined;
  submission.ends.push({ state: task.state, result, by });
}
