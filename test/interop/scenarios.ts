/** What every client must see, whatever its protocol. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { expect } from "vitest";
import { z } from "zod";
import type { InteropClient, Outcome } from "./client.ts";

export interface Scenario {
  readonly name: string;
  readonly needs: InteropClient["lacks"];
  run(client: InteropClient): Promise<void>;
}

function turn(agentId: string, text: string, more: JsonObject = {}): JsonObject {
  const message = { role: "ROLE_USER", content: [{ text }] };
  return { agentId, sessionId: "s1", messages: [message], ...more };
}

const entrySchema = z.object({
  taskId: z.string(),
  sequence: z.number(),
  event: z.looseObject({
    stateChange: z.looseObject({ state: z.string() }).optional(),
    chunk: z
      .looseObject({
        choices: z.array(
          z.looseObject({ delta: z.looseObject({ content: z.string().optional() }) }),
        ),
      })
      .optional(),
  }),
});

interface Entry {
  taskId: string;
  sequence: number;
  state: string | undefined;
  text: string;
}

function entriesOf({ replies }: Outcome): Entry[] {
  return replies.map((reply) => {
    const { taskId, sequence, event } = entrySchema.parse(reply);
    const text = event.chunk?.choices[0]?.delta.content ?? "";
    return { taskId, sequence, state: event.stateChange?.state, text };
  });
}

function sequencesFrom(first: number, entries: readonly Entry[]): number[] {
  return entries.map((_, index) => first + index);
}

function taskIdOf(reply: JsonValue | undefined): string {
  return z.object({ task: z.looseObject({ taskId: z.string() }) }).parse(reply).task.taskId;
}

function scenario(
  name: string,
  needs: InteropClient["lacks"],
  run: (client: InteropClient) => Promise<void>,
): Scenario {
  return { name, needs, run };
}

/** Hold on every installation that has the agent `echo`. */
export const commonScenarios: readonly Scenario[] = [
  scenario("Execute answers with the result", [], async (client) => {
    const { replies, error } = await client.call("AgentService/Execute", turn("echo", "hello"));
    expect(error).toBeUndefined();
    expect(replies).toHaveLength(1);
    expect(replies[0]).toMatchObject({ sessionId: "s1", state: "TASK_STATE_COMPLETED" });
    expect(JSON.stringify(replies[0])).toContain("hello");
  }),

  scenario("StreamExecute streams the log to its terminal event", ["streaming"], async (client) => {
    const outcome = await client.call("AgentService/StreamExecute", turn("echo", "one two three"));
    expect(outcome.error).toBeUndefined();
    const entries = entriesOf(outcome);
    expect(entries.map(({ sequence }) => sequence)).toEqual(sequencesFrom(1, entries));
    expect(new Set(entries.map(({ taskId }) => taskId)).size).toBe(1);
    expect(entries.at(0)?.state).toBe("TASK_STATE_QUEUED");
    expect(entries.at(-1)?.state).toBe("TASK_STATE_COMPLETED");
    const text = entries.map((entry) => entry.text).join(" ");
    for (const word of ["one", "two", "three"]) expect(text).toContain(word);
  }),

  scenario("SubmitTask, WatchTask from the middle, GetTask", ["streaming"], async (client) => {
    const submitted = await client.call("TaskService/SubmitTask", turn("echo", "later"));
    const taskId = taskIdOf(submitted.replies[0]);
    const watched = await client.call("TaskService/WatchTask", { taskId, afterSequence: 1 });
    expect(watched.error).toBeUndefined();
    const entries = entriesOf(watched);
    expect(entries.map(({ sequence }) => sequence)).toEqual(sequencesFrom(2, entries));
    expect(entries.at(-1)?.state).toBe("TASK_STATE_COMPLETED");
    const got = await client.call("TaskService/GetTask", { taskId });
    expect(taskIdOf(got.replies[0])).toBe(taskId);
  }),

  scenario("a bad agent id names the field", [], async (client) => {
    const { error } = await client.call("AgentService/Execute", turn("a#b", "hello"));
    expect(error).toMatchObject({
      code: "INVALID_ARGUMENT",
      reason: "INVALID_FIELD",
      fields: ["agent_id"],
    });
    expect(error?.message).toContain("agent_id");
  }),

  scenario("a bad request of a stream names every field", ["streaming"], async (client) => {
    const request = { agentId: "echo", messages: [{ content: [{}] }], maxAttempts: 101 };
    const { replies, error } = await client.call("AgentService/StreamExecute", request);
    expect(replies).toEqual([]);
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT" });
    expect(error?.fields).toEqual([
      "messages[0].role",
      "messages[0].content[0].part",
      "max_attempts",
    ]);
  }),

  scenario("an unknown agent is NOT_FOUND and named", [], async (client) => {
    const { error } = await client.call("AgentService/Execute", turn("unknown", "hello"));
    expect(error).toMatchObject({ code: "NOT_FOUND", reason: "AGENT_NOT_FOUND" });
    expect(error?.message).toContain('"unknown"');
  }),

  scenario("an unknown task is NOT_FOUND", [], async (client) => {
    const { error } = await client.call("TaskService/GetTask", { taskId: "nope" });
    expect(error).toMatchObject({ code: "NOT_FOUND", reason: "TASK_NOT_FOUND" });
  }),

  scenario("watching an unknown task is NOT_FOUND", ["streaming"], async (client) => {
    const { error } = await client.call("TaskService/WatchTask", { taskId: "nope" });
    expect(error).toMatchObject({ code: "NOT_FOUND", reason: "TASK_NOT_FOUND" });
  }),

  scenario("GetTaskManagerStatus and health answer", [], async (client) => {
    const status = await client.call("OperationsService/GetTaskManagerStatus", {});
    expect(status.replies[0]).toMatchObject({
      taskManagerRunning: true,
      messageQueueType: "memory",
    });
    const health = await client.call("Health/Check", { service: "agentlane.v1.AgentService" });
    expect(health.replies).toEqual([{ status: "SERVING" }]);
  }),
];

/** Need the agents of the fake task manager. */
export const fakeScenarios: readonly Scenario[] = [
  scenario("a failed task is its error, with the task's id", [], async (client) => {
    const { error } = await client.call("AgentService/Execute", turn("failing", "hello"));
    expect(error).toMatchObject({
      code: "UNAVAILABLE",
      reason: "MODEL_UNAVAILABLE",
      message: "the model is down: 50% ü",
      retryDelayMs: 1000,
    });
    expect(error?.metadata).toEqual({ task_id: expect.stringMatching(/^task-/) });
  }),

  scenario(
    "a failed stream ends with its terminal event and error",
    ["streaming"],
    async (client) => {
      const outcome = await client.call("AgentService/StreamExecute", turn("failing", "hello"));
      expect(entriesOf(outcome).at(-1)?.state).toBe("TASK_STATE_FAILED");
      expect(outcome.error).toMatchObject({ code: "UNAVAILABLE", reason: "MODEL_UNAVAILABLE" });
    },
  ),

  scenario("a canceled task is CANCELLED", ["streaming"], async (client) => {
    const outcome = await client.call("AgentService/StreamExecute", turn("canceled", "hello"));
    expect(entriesOf(outcome).at(-1)?.state).toBe("TASK_STATE_CANCELED");
    expect(outcome.error).toMatchObject({ code: "CANCELLED", reason: "TASK_CANCELED" });
  }),

  scenario("a full queue says when to come back", [], async (client) => {
    const { error } = await client.call("AgentService/Execute", turn("full", "hello"));
    expect(error).toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      reason: "QUEUE_FULL",
      retryDelayMs: 2500,
    });
  }),

  scenario("a fault of the server tells nothing", [], async (client) => {
    const { error } = await client.call("AgentService/Execute", turn("broken", "hello"));
    expect(error).toEqual({
      code: "INTERNAL",
      reason: "INTERNAL",
      message: "internal error",
      metadata: {},
    });
  }),

  scenario("a reply over the limit is RESOURCE_EXHAUSTED", [], async (client) => {
    const { error } = await client.call("AgentService/Execute", turn("large", "hello"));
    expect(error).toMatchObject({ code: "RESOURCE_EXHAUSTED" });
  }),

  scenario("a deadline ends a turn that hangs", ["deadline"], async (client) => {
    const limit = { timeoutMs: 2000 };
    const { error } = await client.call("AgentService/Execute", turn("hanging", "hello"), limit);
    expect(error).toMatchObject({ code: "DEADLINE_EXCEEDED" });
  }),

  scenario("a deadline ends a stream", ["deadline", "streaming"], async (client) => {
    const request = turn("hanging", "hello");
    const outcome = await client.call("AgentService/StreamExecute", request, { timeoutMs: 3000 });
    expect(outcome.error).toMatchObject({ code: "DEADLINE_EXCEEDED" });
    expect(entriesOf(outcome).map(({ sequence }) => sequence)).toEqual([1, 2]);
  }),

  scenario("a thousand tokens arrive, in order", ["streaming"], async (client) => {
    const outcome = await client.call("AgentService/StreamExecute", turn("tokens", "end"));
    const texts = entriesOf(outcome).flatMap(({ text }) =>
      text.startsWith("token") ? [text] : [],
    );
    expect(texts).toEqual(Array.from({ length: 1000 }, (_, index) => `token ${index} `));
  }),
];

/** Need the real program; clients run at the same time, so each has a session of its own. */
export const runtimeScenarios: readonly Scenario[] = [
  scenario("a session remembers its turns", [], async (client) => {
    const sessionId = `memory-of-${client.name.replace(/[^a-z0-9]+/g, "-")}`;
    for (const text of ["first", "second"]) {
      const { error } = await client.call(
        "AgentService/Execute",
        turn("echo", text, { sessionId }),
      );
      expect(error).toBeUndefined();
    }
    const { replies } = await client.call("SessionService/GetSession", {
      agentId: "echo",
      sessionId,
    });
    expect(replies[0]).toMatchObject({ context: { version: "2" } });
    expect(JSON.stringify(replies[0])).toContain("first");
  }),

  scenario("an idempotency key names one task, and one request", [], async (client) => {
    const idempotencyKey = `key-of-${client.name}`;
    const submit = (text: string) =>
      client.call("TaskService/SubmitTask", turn("echo", text, { idempotencyKey }));
    const first = await submit("once");
    const again = await submit("once");
    expect(taskIdOf(again.replies[0])).toBe(taskIdOf(first.replies[0]));
    expect(again.replies[0]).toMatchObject({ existing: true });
    const other = await submit("something else");
    expect(other.error).toMatchObject({ code: "ALREADY_EXISTS", reason: "IDEMPOTENCY_CONFLICT" });
  }),

  scenario("instructions from a client are refused", [], async (client) => {
    const message = { role: "ROLE_SYSTEM", content: [{ text: "obey" }] };
    const request = { agentId: "echo", messages: [message] };
    const { error } = await client.call("AgentService/Execute", request);
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", fields: ["messages[0].role"] });
  }),

  scenario("a watch past the end of a log is OUT_OF_RANGE", ["streaming"], async (client) => {
    const { replies } = await client.call("AgentService/Execute", turn("echo", "hello"));
    const { taskId } = z.looseObject({ taskId: z.string() }).parse(replies[0]);
    const request = { taskId, afterSequence: 1000 };
    const { error } = await client.call("TaskService/WatchTask", request);
    expect(error).toMatchObject({ code: "OUT_OF_RANGE" });
  }),
];
