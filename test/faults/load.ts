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
  const { ledger, random, conversationCount, turnsPerSession } = options;
  let isStopping = false;
  let turnCount = 0;
  const pending = new Set<Promise<unknown>>();

  function aside(doing: Promise<unknown>): void {
    const settled = doing.catch(fail).finally(() => pending.delete(settled));
    pending.add(settled);
  }
  function fail(error: unknown): void {
    if (options.signal.aborted) return;
    ledger.problems.push(`a call failed: ${error instanceof Error ? error.message : error}`);
  }

  function newSubmission(turn: TurnOptions): Submission {
    const number = ++turnCount;
    const priority = Math.floor(random() * 5);
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
    ledger.submissions.push(submission);
    return submission;
  }

  function heard(submission: Submission, taskId: string): void {
    submission.taskIds.add(taskId);
    submission.acceptedAt = Math.min(submission.acceptedAt, Date.now());
  }

  async function submit(turn: TurnOptions, streaming = false): Promise<Submission> {
    const submission = newSubmission(turn);
    const { onDisconnect: _unused, ...request } = submission.request;
    const call = async (): Promise<void> => {
      const answer = await untilAnswered(options, async ({ tasks }, callOptions) => {
        const startedAt = performance.now();
        try {
          return await tasks.submitTask({ ...request, streaming }, callOptions);
        } catch (error) {
          if (isRefusal(error)) ledger.refusalsMs.push(performance.now() - startedAt);
          throw error;
        }
      });
      heard(submission, answer.task?.taskId ?? "");
    };
    // Both may create it; one of them must.
    if (random() < REPEATED_SHARE) await Promise.all([call(), call()]);
    else await call();
    if (random() < CANCEL_SHARE) aside(cancel(submission));
    return submission;
  }

  async function cancel(submission: Submission): Promise<void> {
    submission.cancelWasSent = true;
    await after(random() * 200);
    const [taskId = ""] = submission.taskIds;
    const byKey = { case: "idempotencyKey" as const, value: submission.request.idempotencyKey };
    const target = random() < 0.5 ? byKey : { case: "taskId" as const, value: taskId };
    const { task } = await untilAnswered(options, ({ tasks }, callOptions) =>
      tasks.cancelTask({ target }, callOptions),
    );
    if (task) sawTask(submission, task, "CancelTask");
  }

  function sawTask(submission: Submission, task: Task, by: string): void {
    submission.taskIds.add(task.taskId);
    if (!isTerminal(task.state)) return;
    const result = task.state === TaskState.COMPLETED ? resultDigest(task.result) : undefined;
    submission.ends.push({ state: task.state, result, by });
  }

  async function execute(turn: TurnOptions): Promise<void> {
    const submission = newSubmission(turn);
    try {
      const { taskId, state, result } = await untilAnswered(options, ({ agents }, callOptions) =>
        agents.execute(submission.request, callOptions),
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

  async function stream(turn: TurnOptions): Promise<void> {
    const submission = newSubmission(turn);
    let second: Promise<void> | undefined;
    const { end, digest, count } = await watchLog(
      options,
      ({ agents }, _after, callOptions) => agents.streamExecute(submission.request, callOptions),
      ({ taskId }) => {
        heard(submission, taskId);
        second ??= watch(submission, taskId);
      },
    );
    submission.ends.push(end);
    submission.watched.push({ digest, count });
    await second;
  }

  async function watch(submission: Submission, taskId: string): Promise<void> {
    const { end, digest, count } = await watchLog(
      options,
      ({ tasks }, afterSequence, callOptions) =>
        tasks.watchTask({ taskId, afterSequence }, callOptions),
    );
    submission.ends.push(end);
    submission.watched.push({ digest, count });
  }

  function turnOf(sessionId: string): TurnOptions {
    const chance = random();
    if (chance < FAILING_SHARE) {
      return { sessionId, maxAttempts: 2, configurable: { failAttempts: 100 } };
    }
    if (chance < RETRIED_SHARE) return { sessionId, configurable: { failAttempts: 1 } };
    if (chance < SLOW_SHARE) return { sessionId, configurable: SLOW };
    return { sessionId };
  }

  async function talk(sessionId: string, turns: number): Promise<void> {
    for (let turn = 0; turn < turns && !isStopping; ) {
      const ahead = 1 + Math.floor(random() * options.maxAheadCount);
      for (let index = 0; index < ahead && !isStopping; index++, turn++) {
        await submit(turnOf(sessionId), random() < 0.2);
      }
      turn++;
      if (random() < STREAM_SHARE) {
        const configurable = { tokens: 20, delayMs: random() < 0.5 ? 5 : 0 };
        await stream({ sessionId, configurable });
      } else {
        await execute(turnOf(sessionId));
      }
    }
  }

  /** Every fourth session has two clients, who do not wait for each other. */
  async function converse(line: number): Promise<void> {
    for (let generation = 0; !isStopping; generation++) {
      const sessionId = `s${line}-${generation}`;
      if (line % 4 > 0) await talk(sessionId, turnsPerSession);
      else {
        const half = turnsPerSession / 2;
        await Promise.all([talk(sessionId, half), talk(sessionId, half), submit({})]);
      }
    }
  }

  for (let line = 0; line < conversationCount; line++) aside(converse(line));
  return {
    submit,
    async stop() {
      isStopping = true;
      while (pending.size > 0) await Promise.all(pending);
    },
  };
}
