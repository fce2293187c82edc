/** Attempts that lost their worker although nothing has happened to it. */
import { readFile, rm } from "node:fs/promises";
import { type Attempt, AttemptOutcome } from "../../gen/agentlane/v1/task_pb.js";
import type { Violation } from "../simulation/history-checker.ts";
import { millisecondsOf, type ObservedTask } from "./check-tasks.ts";
import type { FaultLog } from "./injector.ts";
import type { Submission } from "./ledger.ts";

/** A task whose agent has held its event loop. */
export interface Block {
  readonly submission: Submission;
  readonly startedAt: number;
}

/** To be read when nothing runs any more; removes the markers. */
export async function readBlocks({ markers }: FaultLog): Promise<Block[]> {
  const blocks: Block[] = [];
  for (const [marker, submission] of markers) {
    const text = await readFile(marker, "utf8").catch(() => undefined);
    // An agent that never got to run has none.
    if (text !== undefined) blocks.push({ submission, startedAt: Number(text) });
    await rm(marker, { force: true });
  }
  return blocks;
}

export interface LostAttempt {
  readonly task: ObservedTask["task"];
  readonly attempt: Attempt;
}

/** Neither killed nor frozen, cut off or without a backend while it ran. */
export function unexplainedLosses(
  tasks: readonly ObservedTask[],
  faults: FaultLog,
): readonly LostAttempt[] {
  return tasks.flatMap(({ task }) =>
    task.attempts
      .filter((attempt) => isLost(attempt) && !isExplained(attempt, faults))
      .map((attempt) => ({ task, attempt })),
  );
}

/** An attempt that holds its event loop keeps its lease: a thread renews it meanwhile. */
export function checkBlocks(
  tasks: readonly ObservedTask[],
  blocks: readonly Block[],
  faults: FaultLog,
): Violation[] {
  const blockedAt = new Map(blocks.map((each) => [each.submission.text, each.startedAt]));
  return tasks.flatMap(({ task, submission }) => {
    const at = blockedAt.get(submission.text) ?? Number.NaN;
    return task.attempts
      .filter(
        (attempt) => isDuring(attempt, at) && isLost(attempt) && !isExplained(attempt, faults),
      )
      .map(({ attempt }) => {
        const message = `${task.taskId}: a blocked event loop has cost attempt ${attempt}`;
        return { invariant: 7, at, message };
      });
  });
}

function isLost({ outcome }: Attempt): boolean {
  return outcome === AttemptOutcome.LEASE_EXPIRED;
}

function isDuring({ startedAt, finishedAt }: Attempt, at: number): boolean {
  return millisecondsOf(startedAt) <= at && at < millisecondsOf(finishedAt);
}

function isExplained(attempt: Attempt, { kills, hindered, outages }: FaultLog): boolean {
  const from = millisecondsOf(attempt.startedAt);
  const to = millisecondsOf(attempt.finishedAt);
  const isOurs = ({ workerId }: { workerId: string | undefined }): boolean => {
    return workerId === attempt.workerId || workerId === undefined;
  };
  return (
    kills.some(
      (kill) => kill.role !== "gateway" && isOurs(kill) && kill.at > from && kill.at < to,
    ) ||
    hindered.some((each) => isOurs(each) && each.from < to && each.to > from) ||
    outages.some((each) => each.from < to && each.to > from)
  );
}
