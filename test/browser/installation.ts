/** The program with something to look at: finished, failed, asking and running tasks. */
import { fileURLToPath } from "node:url";
import { Role } from "../../gen/agentlane/v1/content_pb.js";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { systemClock } from "../../src/clock.ts";
import { loadConfig } from "../../src/config.ts";
import { agentsOf } from "../../src/runtime-agents.ts";
import { type Program, startProgram } from "../harness/program.ts";

export const AGENTS_FILE = fileURLToPath(new URL("./agents/agentlane.json", import.meta.url));

export function startInstallation(): Promise<Program> {
  // The running task of `fill` outlasts the tests.
  const environment = { AGENTS: AGENTS_FILE, AGENT_EXECUTION_TIMEOUT: "3600" };
  const agents = agentsOf(loadConfig(environment), () => undefined);
  return startProgram({ agents }, environment);
}

export function text(value: string) {
  return { role: Role.USER, content: [{ part: { case: "text" as const, value } }] };
}

/** Of the trace that the retried task belongs to. */
export const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";

export interface Ids {
  readonly finished: string;
  readonly failed: string;
  readonly asking: string;
  readonly retried: string;
  readonly running: string;
}

/** A task of each kind; the running one goes on for minutes. */
export async function fill({ agents, tasks }: Program): Promise<Ids> {
  for (let turn = 1; turn <= 12; turn++) {
    const sessionId = `order-${1000 + turn}`;
    await agents.execute({ agentId: "echo", sessionId, messages: [text(`order ${turn}, please`)] });
  }
  const session = { agentId: "demo", sessionId: "sums" };
  const finished = await agents.execute({ ...session, messages: [text("What is 12 * 34?")] });
  const asked = await agents.execute({
    agentId: "asking",
    sessionId: "a1",
    messages: [text("hi")],
  });
  const twice = {
    agentId: "echo",
    sessionId: "second-try",
    messages: [text("it takes two")],
    configurable: { failAttempts: 1 },
  };
  const traceparent = `00-${TRACE_ID}-00f067aa0ba902b7-01`;
  const retried = await agents.execute(twice, { headers: { traceparent } });
  const failed: string[] = [];
  for (let index = 0; index < 3; index++) {
    const { task } = await tasks.submitTask({
      agentId: "failing",
      sessionId: `lost-${index}`,
      messages: [text("do it")],
    });
    failed.push(task?.taskId ?? "");
    for await (const _ of tasks.watchTask({ taskId: task?.taskId ?? "" }));
  }
  const running = await tasks.submitTask({
    agentId: "demo",
    sessionId: "slow",
    messages: [text("Count slowly to 2000 every 200 ms")],
    streaming: true,
  });
  return {
    finished: finished.taskId,
    failed: failed[0] ?? "",
    asking: asked.taskId,
    retried: retried.taskId,
    running: running.task?.taskId ?? "",
  };
}

/** Ends what would outlast the tests. */
export async function cancelRunning({ tasks }: Program): Promise<void> {
  const running = await tasks.listTasks({ states: [TaskState.RUNNING] });
  for (const { taskId } of running.tasks) {
    await tasks.cancelTask({ target: { case: "taskId", value: taskId } });
    for await (const _ of tasks.watchTask({ taskId }));
  }
}

/** For what a page shows within a moment: asks until it is so. */
export async function eventually<T>(
  ask: () => Promise<T>,
  holds: (value: T) => boolean,
  limitMs = 30_000,
): Promise<T> {
  const endAt = systemClock.monotonic() + limitMs;
  for (;;) {
    const value = await ask();
    if (holds(value)) return value;
    if (systemClock.monotonic() > endAt) throw new Error(`still ${JSON.stringify(value)}`);
    await systemClock.sleep(50);
  }
}
