/** `agentlane tasks`, `tasks show`, `cancel`. */
import {
  AgentlaneError as CallError,
  Priority,
  type Task,
  TaskSchema,
  TaskState,
} from "../../../sdk/typescript/src/node.ts";
import { EXIT, type Failure, failureOf, report } from "../failure.ts";
import { between, instant, stateName, stateStyle } from "../format.ts";
import { contractJson, document } from "../json.ts";
import { showList } from "../listing.ts";
import { choices, operand, operands, pairs, text } from "../options.ts";
import { firstItems, PAGING } from "../paging.ts";
import { callOptions, type Remote, remoteCommand, repeated } from "../remote.ts";
import { type Column, table } from "../table.ts";
import { taskDetails } from "../task-details.ts";

const STATES: Readonly<Record<string, TaskState>> = {
  queued: TaskState.QUEUED,
  running: TaskState.RUNNING,
  retry_wait: TaskState.RETRY_WAIT,
  completed: TaskState.COMPLETED,
  input_required: TaskState.INPUT_REQUIRED,
  failed: TaskState.FAILED,
  canceled: TaskState.CANCELED,
};

const TASK_COLUMNS: readonly Column<Task>[] = [
  { title: "TASK", value: (task) => task.taskId },
  { title: "AGENT", value: (task) => task.agentId, isFlexible: true },
  { title: "SESSION", value: (task) => task.sessionId, isFlexible: true },
  { title: "STATE", value: (task) => stateName(task.state), style: stateStyle },
  { title: "PRIORITY", value: (task) => Priority[task.priority] ?? "" },
  {
    title: "ATTEMPT",
    value: (task) => `${task.attempt}/${task.maxAttempts}`,
    isRight: true,
  },
  { title: "ACCEPTED", value: (task) => instant(task.createdAt) },
  { title: "RAN", value: (task) => between(task.startedAt, task.finishedAt), isRight: true },
  { title: "ERROR", value: (task) => task.error?.reason ?? "", isFlexible: true },
];

export const tasksCommand = remoteCommand({
  name: "tasks list",
  summary: "Lists tasks, newest first",
  options: {
    agent: text("AGENT", "Only this agent's"),
    session: text("SESSION", "Only this session's"),
    state: choices("STATE", Object.keys(STATES), "Only in these states, separated by commas"),
    metadata: pairs("KEY=VALUE", "Only with this label; may be repeated"),
    ...PAGING,
  },
  operands: {},
  async run(given, remote) {
    const filter = {
      agentId: given.agent ?? "",
      sessionId: given.session ?? "",
      states: given.state.flatMap((name) => STATES[name] ?? []),
      metadata: { ...given.metadata },
    };
    const { items, nextPageToken } = await firstItems(given, async (pageSize, pageToken) => {
      const request = { ...filter, pageSize, pageToken };
      const page = await repeated(remote, (wire) => remote.client.tasks.listTasks(request, wire));
      return { items: page.tasks, nextPageToken: page.nextPageToken };
    });
    const listing = { name: "tasks", schema: TaskSchema, columns: TASK_COLUMNS };
    await showList(remote, { ...listing, items, nextPageToken });
    return EXIT.ok;
  },
});

export const taskCommand = remoteCommand({
  name: "tasks show",
  summary: "Shows a task: its attempts, its error, its answer",
  options: {},
  operands: { task: operand("TASK", "Its id") },
  async run({ task: taskId }, remote) {
    await showTask(remote, await remote.client.getTask(taskId, callOptions(remote)));
    return EXIT.ok;
  },
});

export async function showTask({ terminal, isJson }: Remote, task: Task): Promise<void> {
  const shown = isJson ? document(contractJson(TaskSchema, task)) : taskDetails(terminal, task);
  await terminal.write(shown);
}

export const cancelCommand = remoteCommand({
  name: "cancel",
  summary: "Cancels tasks; those that have ended stay as they are",
  details:
    "Goes on where a task is unknown. The exit code is that of the first that was not canceled.",
  options: { reason: text("TEXT", "Kept as the task's error message") },
  operands: { tasks: operands("TASK", "Their ids") },
  async run({ tasks: taskIds, reason = "" }, remote) {
    const ended: Task[] = [];
    const failures: Failure[] = [];
    for (const taskId of taskIds) {
      const target = { case: "taskId" as const, value: taskId };
      try {
        const request = { target, reason };
        const { task } = await repeated(remote, (wire) =>
          remote.client.tasks.cancelTask(request, wire),
        );
        if (task) ended.push(task);
      } catch (error) {
        if (!(error instanceof CallError) || remote.signal.aborted) throw error;
        const failure = { ...failureOf(error, remote.url), taskId };
        failures.push(failure);
        // The others would fare no better.
        if (failure.exitCode !== EXIT.notFound) break;
      }
    }
    const tasks = ended.map((task) => contractJson(TaskSchema, task));
    const { terminal, isJson } = remote;
    await terminal.write(isJson ? document({ tasks }) : table(terminal, TASK_COLUMNS, ended));
    for (const failure of failures) report(terminal, isJson, failure);
    return failures[0]?.exitCode ?? EXIT.ok;
  },
});
