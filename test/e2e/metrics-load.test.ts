/** What the processes of an installation count is, summed, what their clients count. */
import { ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Role } from "../../gen/agentlane/v1/content_pb.js";
import { AttemptOutcome, type Task, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { Code as StatusCode } from "../../gen/google/rpc/code_pb.js";
import { type Observed, startObserved } from "../harness/observed.ts";
import { dropKeys, hasRedis, newPrefix, sharedRedis } from "../harness/redis-server.ts";

const CANARIES = {
  prompt: "canary-prompt-1701 6 * 7",
  header: "canary-header-1702",
  key: "canary-key-1703",
  environment: "canary-environment-1704",
};

/** What a client has seen. */
class Ledger {
  readonly calls = new Map<string, number>();
  readonly taskIds: string[] = [];
  inputTokens = 0;
  outputTokens = 0;

  async call<T>(method: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      const answer = await work();
      this.#count(method, "OK");
      return answer;
    } catch (error) {
      this.#count(method, StatusCode[ConnectError.from(error).code] ?? "?");
      return undefined;
    }
  }

  #count(method: string, code: string): void {
    const key = `${method} ${code}`;
    this.calls.set(key, (this.calls.get(key) ?? 0) + 1);
  }
}

describe.skipIf(!hasRedis)("under load, through Redis", { timeout: 180_000 }, () => {
  let observed: Observed;
  let tasks: Task[];
  const ledger = new Ledger();
  const ending: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    const redis = await sharedRedis();
    const prefix = newPrefix();
    ending.push(
      () => redis.stop(),
      () => dropKeys(redis.url, prefix),
    );
    observed = await startObserved(
      {
        MESSAGE_QUEUE_TYPE: "redis",
        REDIS_URL: redis.url,
        REDIS_KEY_PREFIX: prefix,
        OPENAI_API_KEY: CANARIES.environment,
      },
      2,
    );
    ending.push(() => observed.stop());
    await load();
    tasks = await Promise.all(ledger.taskIds.map(get));
  }, 180_000);
  afterAll(async () => {
    for (const end of ending.reverse()) await end();
  });

  const headers = { "x-api-key": CANARIES.header };

  function turn(agentId: string, index: number, more: object = {}) {
    const text = { case: "text" as const, value: `${CANARIES.prompt} ${index}` };
    return {
      agentId,
      sessionId: `s${index % 7}`,
      messages: [{ role: Role.USER, content: [{ part: text }] }],
      retryPolicy: { initialBackoff: { seconds: 0n, nanos: 5_000_000 } },
      idempotencyKey: `${CANARIES.key}-${agentId}-${index}-${JSON.stringify(more)}`,
      ...more,
    };
  }

  async function get(taskId: string): Promise<Task> {
    const answer = await ledger.call("TaskService/GetTask", () =>
      observed.tasks.getTask({ taskId }),
    );
    if (!answer?.task) throw new Error(`task ${taskId} is gone`);
    return answer.task;
  }

  async function execute(request: ReturnType<typeof turn>): Promise<void> {
    const answer = await ledger.call("AgentService/Execute", () =>
      observed.agents.execute(request, { headers }),
    );
    if (!answer) return;
    ledger.taskIds.push(answer.taskId);
    if (request.agentId !== "demo") return;
    ledger.inputTokens += answer.result?.usage?.inputTokens ?? 0;
    ledger.outputTokens += answer.result?.usage?.outputTokens ?? 0;
  }

  async function stream(request: ReturnType<typeof turn>): Promise<void> {
    let id = "";
    await ledger.call("AgentService/StreamExecute", async () => {
      for await (const { taskId } of observed.agents.streamExecute(request, { headers }))
        id = taskId;
    });
    if (id !== "") ledger.taskIds.push(id);
  }

  /** In the background, watched to its end, then from its second event on. */
  async function submit(request: ReturnType<typeof turn>): Promise<void> {
    const answer = await ledger.call("TaskService/SubmitTask", () =>
      observed.tasks.submitTask(request, { headers }),
    );
    const taskId = answer?.task?.taskId ?? "";
    ledger.taskIds.push(taskId);
    for (const afterSequence of [0, 2]) {
      await ledger.call("TaskService/WatchTask", async () => {
        for await (const _ of observed.tasks.watchTask({ taskId, afterSequence }));
      });
    }
  }

  async function load(): Promise<void> {
    const each = (count: number, work: (index: number) => Promise<void>) =>
      Promise.all(Array.from({ length: count }, (_, index) => work(index)));
    await Promise.all([
      each(60, (index) => execute(turn("echo", index))),
      each(20, (index) => stream(turn("echo", index, { configurable: { tokens: 50 } }))),
      each(10, (index) => execute(turn("demo", index))),
      each(15, (index) => submit(turn("echo", index, { configurable: { failAttempts: 1 } }))),
      each(5, (index) =>
        submit(turn("echo", index, { configurable: { failAttempts: 9 }, maxAttempts: 2 })),
      ),
      each(4, (index) => execute(turn("nobody", index))),
    ]);
  }

  function sumOf(read: (task: Task) => number): number {
    return tasks.reduce((sum, task) => sum + read(task), 0);
  }

  it("calls by method and outcome", async () => {
    const page = await observed.scrape();
    for (const [call, count] of ledger.calls) {
      const [method, code = ""] = call.split(" ");
      const labels = { rpc_method: `agentlane.v1.${method}`, rpc_status_code: code };
      expect([call, page.value("rpc_server_call_duration_count", labels)]).toEqual([call, count]);
    }
    expect([...ledger.calls.keys()]).toContain("AgentService/Execute NOT_FOUND");
    const all = [...ledger.calls.values()].reduce((sum, count) => sum + count, 0);
    expect(page.value("rpc_server_call_duration_count", { rpc_system_name: "grpc" })).toBe(all);
  });

  it("tasks by state, attempts by outcome, retries and dead letters", async () => {
    const page = await observed.scrape();
    expect(tasks).toHaveLength(110);
    for (const [state, expected] of [
      ["COMPLETED", sumOf(({ state }) => Number(state === TaskState.COMPLETED))],
      ["FAILED", sumOf(({ state }) => Number(state === TaskState.FAILED))],
      ["RUNNING", sumOf(({ attempts }) => attempts.length)],
      // Accepted, and due again.
      ["QUEUED", sumOf(({ attempts }) => attempts.length)],
      ["RETRY_WAIT", sumOf(({ attempts }) => attempts.length - 1)],
    ] as const) {
      const counted = page.value("agentlane_task_transitions_total", {
        agentlane_task_state: state,
      });
      expect([state, counted]).toEqual([state, expected]);
    }
    const failed = sumOf(
      ({ attempts }) => attempts.filter(({ outcome }) => outcome === AttemptOutcome.FAILED).length,
    );
    const outcomes = "agentlane_task_attempts_total";
    expect(page.value(outcomes, { agentlane_attempt_outcome: "FAILED" })).toBe(failed);
    expect(page.value(outcomes, { agentlane_attempt_outcome: "COMPLETED" })).toBe(105);
    expect(page.value("agentlane_task_retries_total")).toBe(20);
    expect(page.value("agentlane_task_dead_letters_total")).toBe(5);
    const { totalCount } = await observed.tasks.listDeadLetters({ pageSize: 1 });
    expect(totalCount).toBe(5);
  });

  it("doorbells, waits and attempts agree with each other", async () => {
    const page = await observed.scrape();
    const attempts = sumOf((task) => task.attempts.length);
    expect(page.value("messaging_client_sent_messages_total")).toBe(attempts);
    expect(page.value("agentlane_queue_wait_duration_count")).toBe(attempts);
    expect(page.value("messaging_process_duration_count")).toBe(attempts);
    const publish = { messaging_operation_name: "publish" };
    expect(page.value("messaging_client_operation_duration_count", publish)).toBe(110);
    expect(page.value("agentlane_instance_lookups_total")).toBe(attempts);
    expect(page.value("agentlane_stream_resumes_total")).toBe(20);
  });

  it("tokens of models", async () => {
    const page = await observed.scrape();
    const tokens = "gen_ai_client_token_usage_sum";
    expect(ledger.outputTokens).toBeGreaterThan(0);
    expect(page.value(tokens, { gen_ai_token_type: "input" })).toBe(ledger.inputTokens);
    expect(page.value(tokens, { gen_ai_token_type: "output" })).toBe(ledger.outputTokens);
  });

  it("nothing is left: no watcher, no busy slot, no waiting doorbell", async () => {
    const page = await observed.scrape();
    expect(page.value("agentlane_watchers")).toBe(0);
    expect(page.value("agentlane_worker_slots", { agentlane_slot_state: "busy" })).toBe(0);
    expect(page.value("agentlane_workers")).toBe(2);
    expect(page.value("agentlane_instances")).toBeGreaterThan(0);
  });

  it("each state change of each task has exactly one line in one log", () => {
    const lines = observed.lines().filter(({ message }) => message === "task");
    for (const task of tasks) {
      const told = lines.filter(({ task_id }) => task_id === task.taskId);
      const retries = task.attempts.length - 1;
      expect(told.map(({ state }) => state).sort()).toEqual(
        [
          "QUEUED",
          "RUNNING",
          TaskState[task.state],
          ...Array.from({ length: retries }, () => ["RETRY_WAIT", "QUEUED", "RUNNING"]).flat(),
        ].sort(),
      );
    }
  });

  it("no secret and no prompt is in a log or a metric", async () => {
    const text = JSON.stringify(observed.lines()) + (await observed.scrape()).text;
    for (const canary of Object.values(CANARIES)) expect(text).not.toContain(canary);
  });
});
