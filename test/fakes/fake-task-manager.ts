/**
 * A TaskManager without store, queue or worker, for tests of the server. What a task does is told by
 * its agent: see BEHAVIOURS. It counts what is open, so that tests find what a call leaves behind.
 */
import { create } from "@bufbuild/protobuf";
import {
  type Task,
  type TaskEvent,
  TaskEventSchema,
  TaskSchema,
  TaskState,
} from "../../gen/agentlane/v1/task_pb.js";
import { Code } from "../../gen/google/rpc/code_pb.js";
import { AgentlaneError, isKind } from "../../src/errors.ts";
import type { Principal } from "../../src/tasks/principal.ts";
import type {
  SubmitOptions,
  TaskInput,
  TaskManager,
  WatchedBatch,
} from "../../src/tasks/task-manager.ts";

/** What `signal` aborted with, per run. */
export interface FakeRun {
  readonly taskId: string;
  readonly principal: Principal;
  readonly input: TaskInput;
  readonly options: SubmitOptions;
  abortedWith: "deadline" | "disconnect" | "credential" | "stop" | undefined;
}

export interface FakeTaskManager extends TaskManager {
  readonly runs: FakeRun[];
  /** Entries being read now. */
  readonly watcherCount: number;
  /** Entries handed out of tasks of the agent "endless". */
  readonly deliveredCount: number;
  /** Resolves when `count` runs have started since the fake was made. */
  started(count: number): Promise<void>;
  /** Lets the tasks of the agents "gated" go on to their end. */
  release(): void;
  /** Resolves when no watcher is left. */
  idle(): Promise<void>;
}

export function fakeTaskManager(): FakeTaskManager {
  const runs: FakeRun[] = [];
  const tasks = new Map<string, Task>();
  let watcherCount = 0;
  let deliveredCount = 0;
  let observers: (() => void)[] = [];
  let openGate: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => {
    openGate = resolve;
  });

  const notify = (): void => {
    for (const observe of observers) observe();
  };
  const until = (condition: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      const check = (): void => {
        if (!condition()) return;
        observers = observers.filter((observer) => observer !== check);
        resolve();
      };
      observers.push(check);
      check();
    });

  function accept(input: TaskInput, streaming: boolean): Task {
    if (input.agentId === "unknown") {
      throw new AgentlaneError("not_found", "AGENT_NOT_FOUND", 'unknown agent "unknown": try a/b');
    }
    if (input.agentId === "full") {
      throw new AgentlaneError("resource_exhausted", "QUEUE_FULL", "the queue is full", {
        retryAfterMs: 2500,
      });
    }
    if (input.agentId === "broken") throw new TypeError("secret internals");
    const task = create(TaskSchema, {
      taskId: `task-${tasks.size + 1}`,
      agentId: input.agentId,
      sessionId: input.sessionId,
      state: TaskState.QUEUED,
      streaming,
      metadata: input.metadata,
    });
    tasks.set(task.taskId, task);
    return task;
  }

  /** Ends when `signal` aborts, like the real one, whether somebody pulls or not. */
  function entriesOf(
    events: AsyncGenerator<TaskEvent>,
    afterSequence: number,
    signal: AbortSignal,
  ): AsyncIterable<WatchedBatch> {
    watcherCount++;
    notify();
    let open = true;
    let stop: (() => void) | undefined;
    const close = (): void => {
      if (!open) return;
      open = false;
      signal.removeEventListener("abort", close);
      watcherCount--;
      stop?.();
      notify();
    };
    if (signal.aborted) close();
    else signal.addEventListener("abort", close, { once: true });
    const stopped = new Promise<undefined>((resolve) => {
      stop = () => resolve(undefined);
    });
    let sequence = 0;
    const next = async (): Promise<IteratorResult<WatchedBatch, undefined>> => {
      for (;;) {
        if (!open) return { done: true, value: undefined };
        const result = await Promise.race([events.next(), stopped]);
        if (!result || result.done) {
          close();
          return { done: true, value: undefined };
        }
        sequence++;
        if (sequence <= afterSequence) continue;
        const event = result.value;
        if (
          event.kind.case === "chunk" &&
          event.kind.value.choices[0]?.delta?.content === ENDLESS
        ) {
          deliveredCount++;
        }
        return { done: false, value: [{ attempt: 1, sequence, mergedCount: 0, event }] };
      }
    };
    const finish = async (): Promise<IteratorResult<WatchedBatch, undefined>> => {
      close();
      return { done: true, value: undefined };
    };
    return { [Symbol.asyncIterator]: () => ({ next, return: finish }) };
  }

  const find = (taskId: string): Task => {
    const task = tasks.get(taskId);
    if (task) return task;
    throw new AgentlaneError("not_found", "TASK_NOT_FOUND", `unknown task "${taskId}"`);
  };

  return {
    runs,
    get watcherCount() {
      return watcherCount;
    },
    get deliveredCount() {
      return deliveredCount;
    },
    started: (count) => until(() => runs.length >= count),
    idle: () => until(() => watcherCount === 0),
    release: () => openGate(),

    async submit(_principal, input, options) {
      return { task: accept(input, options.streaming), existing: false };
    },
    async run(principal, input, options, signal) {
      const task = accept(input, options.streaming);
      const run: FakeRun = {
        taskId: task.taskId,
        principal,
        input,
        options,
        abortedWith: undefined,
      };
      const noteAbort = (): void => {
        if (isKind(signal.reason, "deadline_exceeded")) run.abortedWith = "deadline";
        else if (isKind(signal.reason, "unauthenticated")) run.abortedWith = "credential";
        else run.abortedWith = isKind(signal.reason, "canceled") ? "disconnect" : "stop";
      };
      if (signal.aborted) noteAbort();
      else signal.addEventListener("abort", noteAbort, { once: true });
      const entries = entriesOf(eventsOf(input, gate), 0, signal);
      runs.push(run);
      notify();
      return { taskId: task.taskId, entries };
    },
    watch(_principal, taskId, afterSequence, signal) {
      const { agentId } = find(taskId);
      return entriesOf(eventsOf({ agentId, messages: [] }, gate), afterSequence, signal);
    },
    get: async (_principal, taskId) => find(taskId),
    list: async () => ({ items: [...tasks.values()], nextToken: "" }),
    async cancel(_principal, target) {
      if (!("taskId" in target)) throw new AgentlaneError("not_found", "TASK_NOT_FOUND", "no key");
      const task = create(TaskSchema, { ...find(target.taskId), state: TaskState.CANCELED });
      tasks.set(task.taskId, task);
      return task;
    },
    listDeadLetters: async () => ({ items: [], nextToken: "", totalCount: 0 }),
    redrive: async (_principal, taskIds) => ({ redriven: [], skipped: [...taskIds] }),
    purgeDeadLetters: async () => 0,
  };
}

const ENDLESS = "x".repeat(32_768);

type Input = Pick<TaskInput, "agentId" | "messages">;

/** What the agents of the fake do. Anything else echoes. */
async function* eventsOf(input: Input, gate: Promise<void>): AsyncGenerator<TaskEvent> {
  yield change(TaskState.QUEUED);
  yield change(TaskState.RUNNING);
  switch (input.agentId) {
    case "failing":
      yield failed(
        TaskState.FAILED,
        Code.UNAVAILABLE,
        "MODEL_UNAVAILABLE",
        "the model is down: 50% ü",
      );
      return;
    case "canceled":
      yield failed(TaskState.CANCELED, Code.CANCELLED, "TASK_CANCELED", "canceled by the client");
      return;
    case "hanging":
      await new Promise<never>(() => undefined);
      return;
    case "endless":
      for (;;) {
        yield chunk(ENDLESS);
        // Lets others have their turn, as a store would.
        await new Promise((resolve) => setImmediate(resolve));
      }
    case "gated":
      await gate;
      break;
    case "tokens":
      for (let index = 0; index < 1000; index++) yield chunk(`token ${index} `);
      break;
    case "large":
      yield completed("x".repeat(5 * 1024 * 1024));
      return;
  }
  const text = textOf(input);
  for (const word of text.split(" ")) yield chunk(word);
  yield completed(`echo: ${text}`);
}

function textOf({ messages }: Pick<TaskInput, "messages">): string {
  const part = messages.at(-1)?.content[0]?.part;
  return part?.case === "text" ? part.value : "";
}

function change(state: TaskState): TaskEvent {
  return create(TaskEventSchema, { kind: { case: "stateChange", value: { state } } });
}

function failed(state: TaskState, code: Code, reason: string, message: string): TaskEvent {
  const error = { code, reason, message };
  return create(TaskEventSchema, { kind: { case: "stateChange", value: { state, error } } });
}

function completed(text: string): TaskEvent {
  const message = {
    id: "m1",
    role: 2,
    content: [{ part: { case: "text", value: text } as const }],
  };
  const value = { state: TaskState.COMPLETED, result: { messages: [message] } };
  return create(TaskEventSchema, { kind: { case: "stateChange", value } });
}

function chunk(content: string): TaskEvent {
  const value = {
    id: "m1",
    object: "chat.completion.chunk",
    choices: [{ delta: { content } }],
  };
  return create(TaskEventSchema, { kind: { case: "chunk", value } });
}
