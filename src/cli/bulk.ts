/** Work on many dead letters, in batches. */
import type { Task } from "../../sdk/typescript/src/node.ts";
import { allPages } from "./paging.ts";
import { startProgress } from "./progress.ts";
import { type Remote, repeated } from "./remote.ts";

/** Small enough that progress is seen and an interrupt comes through, far below the limit of 500. */
const BATCH_SIZE = 100;

export interface Selection {
  /** Those named, or all that the filters leave. */
  readonly all: boolean;
  readonly tasks: readonly string[];
  readonly agent: string | undefined;
  readonly reason: string | undefined;
  accepts(task: Task): boolean;
}

/**
 * Hands batch after batch to `work`, which answers how many it has done. The list goes from the
 * newest to the oldest and a page's token names a position in it, so that a task that fails anew
 * meanwhile is not met again.
 */
export async function forEachDeadLetter(
  remote: Remote,
  what: string,
  selection: Selection,
  work: (taskIds: readonly string[]) => Promise<number>,
): Promise<void> {
  const totalCount = selection.all ? await countOf(remote, selection) : selection.tasks.length;
  const progress = startProgress(remote.terminal, what, totalCount);
  let doneCount = 0;
  try {
    for await (const taskIds of batches(remote, selection)) {
      if (taskIds.length > 0) doneCount += await work(taskIds);
      progress.advance(doneCount);
    }
  } finally {
    progress.end();
  }
}

async function countOf(remote: Remote, { agent = "", reason = "" }: Selection): Promise<number> {
  const request = { agentId: agent, reason, pageSize: 1 };
  const page = await repeated(remote, (wire) => remote.client.tasks.listDeadLetters(request, wire));
  return page.totalCount;
}

async function* batches(
  remote: Remote,
  { all, tasks, agent = "", reason = "", accepts }: Selection,
): AsyncGenerator<readonly string[], void> {
  if (!all) {
    for (let at = 0; at < tasks.length; at += BATCH_SIZE) yield tasks.slice(at, at + BATCH_SIZE);
    return;
  }
  const pages = allPages(BATCH_SIZE, async (pageSize, pageToken) => {
    const request = { agentId: agent, reason, pageSize, pageToken };
    const page = await repeated(remote, (wire) =>
      remote.client.tasks.listDeadLetters(request, wire),
    );
    return { items: page.tasks, nextPageToken: page.nextPageToken };
  });
  for await (const page of pages) yield page.filter(accepts).map(({ taskId }) => taskId);
}
