/** Redriving and purging many dead letters, batch by batch. */
import type { Services } from "../services/services.ts";

export type BulkKind = "redrive" | "purge";

/** Which dead letters: these, or all that match. */
export type Selection =
  | { readonly taskIds: readonly string[] }
  | { readonly agentId: string; readonly reason: string };

export interface BulkProgress {
  /** Looked at so far. */
  readonly done: number;
  readonly total: number;
  /** Of those done: were no dead letters any more. */
  readonly skipped: number;
}

/** Of one call; the contract allows 500. */
const BATCH = 100;

/** Ends early, after the batch under way, when `signal` aborts. */
export async function workOnAll(
  { tasks }: Services,
  kind: BulkKind,
  selection: Selection,
  onProgress: (progress: BulkProgress) => void,
  signal: AbortSignal,
): Promise<BulkProgress> {
  let progress: BulkProgress = { done: 0, total: 0, skipped: 0 };
  for await (const { taskIds, total } of batches(tasks, selection)) {
    if (signal.aborted) break;
    const skipped =
      kind === "redrive"
        ? (await tasks.redriveTasks({ taskIds })).skippedTaskIds.length
        : taskIds.length - (await tasks.purgeDeadLetters({ taskIds })).purgedCount;
    const done = progress.done + taskIds.length;
    progress = { done, total: Math.max(total, done), skipped: progress.skipped + skipped };
    onProgress(progress);
  }
  return progress;
}

interface Batch {
  readonly taskIds: string[];
  /** In all, as far as is known. */
  readonly total: number;
}

/** From the newest to the oldest: what fails again meanwhile is newer, and is not taken twice. */
async function* batches(tasks: Services["tasks"], selection: Selection): AsyncGenerator<Batch> {
  if ("taskIds" in selection) {
    for (let at = 0; at < selection.taskIds.length; at += BATCH) {
      const taskIds = selection.taskIds.slice(at, at + BATCH);
      yield { taskIds, total: selection.taskIds.length };
    }
    return;
  }
  let total: number | undefined;
  for (let pageToken = "", isFirst = true; isFirst || pageToken !== ""; isFirst = false) {
    const page = await tasks.listDeadLetters({ ...selection, pageSize: BATCH, pageToken });
    total ??= page.totalCount;
    pageToken = page.nextPageToken;
    const taskIds = page.tasks.map(({ taskId }) => taskId);
    if (taskIds.length > 0) yield { taskIds, total };
  }
}
