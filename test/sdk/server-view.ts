/** The orchestrator's own look at the server, past the proxy and without an SDK. */
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { type Task, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { TaskService } from "../../gen/agentlane/v1/task_service_pb.js";
import type { ServerLook } from "./scenario-file.ts";

/** How long a state may take to come about. */
const LIMIT_MS = 10_000;

export interface ServerView {
  /** Throws when the server does not agree; answers the task that it looked at. */
  look(wanted: ServerLook): Promise<Task | undefined>;
  close(): void;
}

export function createServerView(baseUrl: string): ServerView {
  const sessionManager = new Http2SessionManager(baseUrl);
  const tasks = createClient(TaskService, createGrpcTransport({ baseUrl, sessionManager }));
  return {
    async look({ session, task: taskId, until, error, tasks: count, cancel }) {
      const found = async (): Promise<Task[]> => {
        if (session === undefined) return [];
        return (await tasks.listTasks({ sessionId: session })).tasks;
      };
      if (count !== undefined) {
        const { length } = await found();
        if (length !== count) throw new Error(`${length} tasks in ${session}, wanted ${count}`);
      }
      if (cancel) await Promise.all((await found()).map((task) => end(tasks, task)));
      if (until === undefined) return undefined;
      const id = taskId ?? (await firstOf(found));
      const task = await waitFor(tasks, id, until);
      if (error !== undefined && task.error?.reason !== error) {
        throw new Error(`task ${id} failed with ${task.error?.reason}, wanted ${error}`);
      }
      return task;
    },
    close: () => sessionManager.abort(),
  };
}

async function end(tasks: Client<typeof TaskService>, { taskId }: Task): Promise<void> {
  await tasks.cancelTask({ target: { case: "taskId", value: taskId } });
}

/** A request that has only just been sent has no task yet. */
async function firstOf(found: () => Promise<Task[]>): Promise<string> {
  const limit = AbortSignal.timeout(LIMIT_MS);
  while (!limit.aborted) {
    const [task] = await found();
    if (task) return task.taskId;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("no task in the session");
}

/** Follows the log, so that nothing has to be asked again and again. */
async function waitFor(tasks: Client<typeof TaskService>, taskId: string, name: string) {
  const state = Object.entries(TaskState).find(([key]) => key === name)?.[1];
  if (state === undefined) throw new Error(`no task state ${name}`);
  for await (const { event } of tasks.watchTask({ taskId }, { timeoutMs: LIMIT_MS })) {
    if (event?.kind.case !== "stateChange" || event.kind.value.state !== state) continue;
    const { task } = await tasks.getTask({ taskId });
    if (task?.state === state) return task;
  }
  const { task } = await tasks.getTask({ taskId });
  throw new Error(`task ${taskId} is ${TaskState[task?.state ?? 0]}, wanted ${name}`);
}
