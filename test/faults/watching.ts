/** Watchers that go on elsewhere, after the last sequence they have, when their stream breaks. */
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { isTerminal } from "../../src/tasks/task-state.ts";
import { anyGateway, beforeRepeat, type Caller, TaskFailure } from "./calls.ts";
import type { Clients } from "./cluster.ts";
import { type End, type Entry, logDigest, resultDigest, type Watched } from "./ledger.ts";

export interface StreamedEntry extends Entry {
  readonly taskId: string;
}

type Open = (
  clients: Clients,
  afterSequence: number,
  options: { signal: AbortSignal },
) => AsyncIterable<StreamedEntry>;

export interface WatchedLog extends Watched {
  readonly taskId: string;
  readonly end: End;
}

/** A stream that says nothing for this long is left: its gateway may be frozen. */
const SILENCE_MS = 6000;

/**
 * Reads a task's log to its end. `open` starts it, again if nothing of it has come; what comes after
 * the first entry is asked for with WatchTask.
 */
export async function watchLog(
  caller: Caller,
  open: Open,
  onEntry: (entry: StreamedEntry) => void = () => undefined,
): Promise<WatchedLog> {
  const digest = logDigest();
  let taskId = "";
  let sequence = 0;
  let end: End | undefined;

  function take(entry: StreamedEntry): void {
    if (end) caller.ledger.problems.push(`${taskId}/${entry.sequence} follows the terminal event`);
    if (entry.sequence !== sequence + 1 || entry.mergedCount > 0) {
      caller.ledger.problems.push(`${entry.taskId}: ${entry.sequence} follows ${sequence}`);
    }
    ({ taskId, sequence } = entry);
    digest.add(entry);
    end = endIn(entry);
    onEntry(entry);
  }

  for (;;) {
    caller.signal.throwIfAborted();
    const clients = await anyGateway(caller);
    const silence = new AbortController();
    const timer = setTimeout(() => silence.abort(), SILENCE_MS);
    const signal = AbortSignal.any([caller.signal, silence.signal]);
    const entries =
      taskId === ""
        ? open(clients, sequence, { signal })
        : clients.tasks.watchTask({ taskId, afterSequence: sequence }, { signal });
    try {
      for await (const entry of entries) {
        timer.refresh();
        take(entry);
      }
    } catch (error) {
      silence.abort();
      await beforeRepeat(caller, error).catch((unexpected: unknown) => {
        if (!(unexpected instanceof TaskFailure)) throw unexpected;
      });
    } finally {
      clearTimeout(timer);
    }
    if (end) return { taskId, digest: digest.end(), count: sequence, end };
    if (taskId !== "") caller.ledger.reconnectCount++;
  }
}

function endIn({ event }: Entry): End | undefined {
  if (event?.kind.case !== "stateChange") return undefined;
  const { state, result } = event.kind.value;
  if (!isTerminal(state)) return undefined;
  const told = state === TaskState.COMPLETED ? resultDigest(result) : undefined;
  return { state, result: told, by: "a watcher" };
}
