/** A task's log as one stream, over as many connections as it takes. */
import { type TaskEvent, TaskState, type TaskStateChange } from "../gen/agentlane/v1/task_pb.js";
import { AgentlaneError } from "./errors.ts";
import type { Scope } from "./scope.ts";
import { resultOf, type TurnResult } from "./turn.ts";

export interface StreamEvent {
  readonly taskId: string;
  /** 0 before the first. */
  readonly attempt: number;
  /** Dense from 1, each once; a merged event stands for the `mergedCount` ones before it too. */
  readonly sequence: number;
  readonly mergedCount: number;
  readonly event: TaskEvent;
  /** What it adds to the answer; "" for all but chunks. */
  readonly text: string;
  /** A further attempt begins: what the ones before it said is void. */
  readonly restarted: boolean;
}

/** A StreamExecuteResponse or a WatchTaskResponse. */
type Reply = Pick<StreamEvent, "taskId" | "attempt" | "sequence" | "mergedCount"> & {
  readonly event?: TaskEvent | undefined;
};

export interface StreamSource {
  readonly scope: Scope;
  /** After a sequence; `taskId` is empty before the first event. */
  open(taskId: string, afterSequence: number, signal: AbortSignal): AsyncIterable<Reply>;
  /** The reader stopped before the end. */
  abandoned(taskId: string): Promise<void>;
  /** Whether the end of a task that failed is an error of the stream. */
  readonly throwsFailure: boolean;
}

export class TurnStream implements AsyncIterable<StreamEvent> {
  /** Empty before the first event. */
  taskId = "";
  /** The answer so far, of the current attempt. */
  text = "";
  restartCount = 0;
  lastSequence: number;
  #attempt = 0;
  #end: TaskStateChange | undefined;
  readonly #source: StreamSource;
  readonly #events: AsyncGenerator<StreamEvent, void>;

  constructor(source: StreamSource, taskId = "", afterSequence = 0) {
    this.#source = source;
    this.taskId = taskId;
    this.lastSequence = afterSequence;
    this.#events = this.#read();
  }

  /** To be read once. Leaving the loop ends the call, and cancels a turn that it runs. */
  [Symbol.asyncIterator](): AsyncGenerator<StreamEvent, void> {
    return this.#events;
  }

  /** The terminal state, once it is known. */
  get state(): TaskState | undefined {
    return this.#end?.state;
  }

  /** Reads what is left, and answers with the result. */
  async final(): Promise<TurnResult> {
    for await (const _ of this.#events);
    const end = this.#end;
    if (!end) throw new AgentlaneError("the stream was left", { code: "CANCELLED" });
    if (isFailure(end)) throw AgentlaneError.ofTask(this.taskId, end.error);
    return resultOf(this.taskId, end.state, end.result);
  }

  async *#read(): AsyncGenerator<StreamEvent, void> {
    const { scope, open, throwsFailure } = this.#source;
    const connection = new AbortController();
    let isAbandoned = true;
    try {
      for (let tries = 1; ; tries++) {
        let broken: unknown = new AgentlaneError("the stream ended early", { code: "UNAVAILABLE" });
        try {
          for await (const reply of open(this.taskId, this.lastSequence, connection.signal)) {
            if (reply.sequence <= this.lastSequence || !reply.event) continue;
            tries = 0;
            yield this.#take({ ...reply, event: reply.event });
          }
        } catch (error) {
          broken = error;
        }
        if (this.#end) break;
        const error = scope.error(broken);
        if (await scope.pause(Math.max(tries, 1), error)) continue;
        isAbandoned = scope.gaveUp;
        throw withTask(error, this.taskId);
      }
      isAbandoned = false;
      if (throwsFailure && isFailure(this.#end)) {
        throw AgentlaneError.ofTask(this.taskId, this.#end?.error);
      }
    } finally {
      connection.abort();
      if (isAbandoned && !this.#end) await this.#source.abandoned(this.taskId);
    }
  }

  #take(reply: Omit<StreamEvent, "text" | "restarted">): StreamEvent {
    const { taskId, attempt, sequence, mergedCount, event } = reply;
    const { kind } = event;
    const restarted = this.#attempt > 0 && attempt > this.#attempt;
    if (restarted) {
      this.restartCount += 1;
      this.text = "";
    }
    const text = kind.case === "chunk" ? (kind.value.choices[0]?.delta?.content ?? "") : "";
    this.text += text;
    this.taskId = taskId;
    this.#attempt = Math.max(this.#attempt, attempt);
    this.lastSequence = sequence;
    const isEnd = kind.case === "stateChange" && TERMINAL.has(kind.value.state);
    this.#end = isEnd ? kind.value : undefined;
    return { taskId, attempt, sequence, mergedCount, event, text, restarted };
  }
}

const TERMINAL: ReadonlySet<TaskState> = new Set([
  TaskState.COMPLETED,
  TaskState.INPUT_REQUIRED,
  TaskState.FAILED,
  TaskState.CANCELED,
]);

function isFailure(end: TaskStateChange | undefined): boolean {
  return end?.state === TaskState.FAILED || end?.state === TaskState.CANCELED;
}

/** A broken connection knows no task; the caller may want to come back to it. */
function withTask(error: AgentlaneError, taskId: string): AgentlaneError {
  if (error.taskId !== undefined || taskId === "") return error;
  const { message, code, reason, retryAfterMs, fieldViolations, retryable, cause } = error;
  const fields = { code, reason, taskId, retryAfterMs, fieldViolations, retryable, cause };
  return new AgentlaneError(message, fields);
}
