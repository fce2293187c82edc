/** `agentlane dead-letters`: tasks given up on. */
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { type Task, TaskSchema, TaskState } from "../../../sdk/typescript/src/node.ts";
import { systemClock } from "../../clock.ts";
import { forEachDeadLetter } from "../bulk.ts";
import { confirmed, YES } from "../confirm.ts";
import { EXIT, usageError } from "../failure.ts";
import { instant, plural } from "../format.ts";
import { document } from "../json.ts";
import { showList } from "../listing.ts";
import { duration, flag, operand, operands, text } from "../options.ts";
import { firstItems, PAGING } from "../paging.ts";
import { callOptions, once, remoteCommand, repeated } from "../remote.ts";
import type { Column } from "../table.ts";
import { showTask } from "./tasks.ts";

const COLUMNS: readonly Column<Task>[] = [
  { title: "TASK", value: (task) => task.taskId },
  { title: "AGENT", value: (task) => task.agentId, isFlexible: true },
  { title: "SESSION", value: (task) => task.sessionId, isFlexible: true },
  { title: "FAILED", value: (task) => instant(task.finishedAt) },
  { title: "ATTEMPTS", value: (task) => `${task.consumedAttempts}`, isRight: true },
  { title: "REASON", value: (task) => task.error?.reason ?? "" },
  { title: "MESSAGE", value: (task) => task.error?.message ?? "", isFlexible: true },
];

export const deadLettersCommand = remoteCommand({
  name: "dead-letters list",
  summary: "Lists the tasks given up on, newest first",
  options: {
    agent: text("AGENT", "Only this agent's"),
    reason: text("REASON", "Only those whose error has this reason"),
    ...PAGING,
  },
  operands: {},
  async run(given, remote) {
    const { agent: agentId = "", reason = "" } = given;
    const { items, nextPageToken } = await firstItems(given, async (pageSize, pageToken) => {
      const request = { agentId, reason, pageSize, pageToken };
      const page = await repeated(remote, (wire) =>
        remote.client.tasks.listDeadLetters(request, wire),
      );
      return { items: page.tasks, nextPageToken: page.nextPageToken };
    });
    const listing = { name: "tasks", schema: TaskSchema, columns: COLUMNS };
    await showList(remote, { ...listing, items, nextPageToken });
    return EXIT.ok;
  },
});

export const deadLetterCommand = remoteCommand({
  name: "dead-letters show",
  summary: "Shows a dead letter: its attempts and why each failed",
  options: {},
  operands: { task: operand("TASK", "Its id") },
  async run({ task: taskId }, remote) {
    const task = await remote.client.getTask(taskId, callOptions(remote));
    await showTask(remote, task);
    if (task.state === TaskState.FAILED) return EXIT.ok;
    remote.terminal.writeError(`agentlane: ${taskId} is no dead letter\n`);
    return EXIT.failed;
  },
});

export const purgeCommand = remoteCommand({
  name: "dead-letters purge",
  summary: "Deletes dead letters for good",
  options: {
    all: flag("All that the filters leave"),
    agent: text("AGENT", "With --all: only this agent's"),
    reason: text("REASON", "With --all: only those whose error has this reason"),
    "older-than": duration("With --all: only those that failed this long ago, e.g. 12h or 7d"),
    ...YES,
  },
  operands: { tasks: operands("TASK", "Their ids", 0) },
  async run(given, remote) {
    const { terminal, isJson } = remote;
    const olderThanMs = given["older-than"];
    requireSubject(given, [given.agent, given.reason, olderThanMs]);
    const beforeMs = systemClock.now() - (olderThanMs ?? 0);
    const selection = {
      ...given,
      accepts: ({ finishedAt }: Task) =>
        olderThanMs === undefined ||
        (finishedAt !== undefined && timestampDate(finishedAt).getTime() < beforeMs),
    };
    const question = given.all
      ? `Delete all dead letters${filtersShown(given)} for good?`
      : `Delete ${plural(given.tasks.length, "dead letter")} for good?`;
    if (!(await confirmed(remote, given.yes, question))) return EXIT.failed;
    let purgedCount = 0;
    await forEachDeadLetter(remote, "purged", selection, async (taskIds) => {
      const request = { taskIds: [...taskIds] };
      const answer = await once(remote, (wire) =>
        remote.client.tasks.purgeDeadLetters(request, wire),
      );
      purgedCount += answer.purgedCount;
      return answer.purgedCount;
    });
    await terminal.write(
      isJson ? document({ purgedCount }) : `purged ${plural(purgedCount, "dead letter")}\n`,
    );
    return EXIT.ok;
  },
});

export const redriveCommand = remoteCommand({
  name: "redrive",
  summary: "Sends dead letters back to the end of their lanes, attempts reset",
  details: `--all takes the dead letters there are when it begins: one that fails again is not sent
back again. Tasks that are no dead letters are skipped; then the exit code is 1.`,
  options: {
    all: flag("All that the filters leave"),
    agent: text("AGENT", "With --all: only this agent's"),
    reason: text("REASON", "With --all: only those whose error has this reason"),
    ...YES,
  },
  operands: { tasks: operands("TASK", "Their ids", 0) },
  async run(given, remote) {
    const { terminal, isJson } = remote;
    requireSubject(given, [given.agent, given.reason]);
    const question = `Send back all dead letters${filtersShown(given)}?`;
    if (given.all && !(await confirmed(remote, given.yes, question))) return EXIT.failed;
    const redrivenTaskIds: string[] = [];
    const skippedTaskIds: string[] = [];
    await forEachDeadLetter(
      remote,
      "redriven",
      { ...given, accepts: () => true },
      async (taskIds) => {
        const answer = await once(remote, (wire) =>
          remote.client.tasks.redriveTasks({ taskIds: [...taskIds] }, wire),
        );
        redrivenTaskIds.push(...answer.redrivenTaskIds);
        skippedTaskIds.push(...answer.skippedTaskIds);
        return answer.redrivenTaskIds.length;
      },
    );
    const skipped = skippedTaskIds.map((taskId) => `skipped ${taskId}: no dead letter\n`);
    await terminal.write(
      isJson
        ? document({ redrivenTaskIds, skippedTaskIds })
        : `${skipped.join("")}redriven ${plural(redrivenTaskIds.length, "task")}\n`,
    );
    // With --all somebody else was faster, and nothing is missing.
    return skippedTaskIds.length > 0 && !given.all ? EXIT.failed : EXIT.ok;
  },
});

interface Selected {
  readonly all: boolean;
  readonly tasks: readonly string[];
}

function requireSubject({ all, tasks }: Selected, filters: readonly unknown[]): void {
  if (all === tasks.length > 0) throw usageError("name tasks, or give --all; one of both");
  if (!all && filters.some((filter) => filter !== undefined)) {
    throw usageError("filters go with --all");
  }
}

function filtersShown(given: {
  readonly agent: string | undefined;
  readonly reason: string | undefined;
  readonly "older-than"?: number | undefined;
}): string {
  const { agent, reason, "older-than": olderThanMs } = given;
  return [
    agent === undefined ? "" : ` of agent ${agent}`,
    reason === undefined ? "" : ` with reason ${reason}`,
    olderThanMs === undefined ? "" : ` older than ${olderThanMs / 3_600_000} h`,
  ].join("");
}
