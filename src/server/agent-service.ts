import { create } from "@bufbuild/protobuf";
import {
  type AgentService,
  type ExecuteResponse,
  ExecuteResponseSchema,
  type StreamExecuteResponse,
} from "../../gen/agentlane/v1/agent_service_pb.js";
import { TaskState, type TaskStateChange } from "../../gen/agentlane/v1/task_pb.js";
import type { TaskManager, WatchedBatch, WatchedEntry } from "../tasks/task-manager.ts";
import { isTerminal } from "../tasks/task-state.ts";
import { watchEnded } from "../tasks/watch.ts";
import { taskFailure } from "./error-codes.ts";
import type { Call, Implementation } from "./rpc.ts";

export function agentService(manager: TaskManager): Implementation<typeof AgentService> {
  async function run(request: Parameters<TaskManager["run"]>[1], call: Call, streaming: boolean) {
    const options = { streaming, deadlineInMs: call.remainingMs() };
    const started = await manager.run(call.principal, request, options, call.signal);
    call.accepted(started.taskId);
    return started;
  }

  return {
    async execute(request, call) {
      const { taskId, entries, ended } = await run(request, call, false);
      const { sessionId } = request;
      if (ended) {
        const { attempt, lastSequence: sequence } = ended;
        return replyOf({ taskId, sessionId, attempt, sequence }, ended);
      }
      const end = await endOf(entries);
      if (!end) throw call.signal.aborted ? call.signal.reason : watchEnded(taskId);
      const { attempt, sequence } = end.entry;
      return replyOf({ taskId, sessionId, attempt, sequence }, end.change);
    },

    async *streamExecute(request, call) {
      const { taskId, entries } = await run(request, call, true);
      let end: TaskStateChange | undefined;
      for await (const batch of entries) {
        yield batch.map((entry) => streamReply(taskId, entry));
        end = terminalChange(batch.at(-1));
      }
      if (!end) throw call.signal.aborted ? call.signal.reason : watchEnded(taskId);
      if (isFailure(end)) throw taskFailure(taskId, end.error);
    },
  };
}

interface TerminalEntry {
  readonly entry: WatchedEntry;
  readonly change: TaskStateChange;
}

/** The last entry, if it is terminal. A failure that has others after it was redriven. */
async function endOf(entries: AsyncIterable<WatchedBatch>): Promise<TerminalEntry | undefined> {
  let entry: WatchedEntry | undefined;
  for await (const batch of entries) entry = batch.at(-1);
  const change = terminalChange(entry);
  return entry && change && { entry, change };
}

/** Throws for a task that failed or was canceled, and for a result that cannot be read. */
function replyOf(
  position: Pick<ExecuteResponse, "taskId" | "sessionId" | "attempt" | "sequence">,
  { state, result, error }: Pick<TaskStateChange, "state" | "result" | "error">,
): ExecuteResponse {
  if (isFailure({ state }) || (error && !result)) throw taskFailure(position.taskId, error);
  return create(ExecuteResponseSchema, { ...position, state, ...(result && { result }) });
}

/** An object literal: there is one per token. */
function streamReply(taskId: string, entry: WatchedEntry): StreamExecuteResponse {
  const { attempt, sequence, mergedCount, event } = entry;
  const $typeName = "agentlane.v1.StreamExecuteResponse";
  return { $typeName, taskId, attempt, sequence, mergedCount, event };
}

function terminalChange(entry: WatchedEntry | undefined): TaskStateChange | undefined {
  if (entry?.event.kind.case !== "stateChange") return undefined;
  const change = entry.event.kind.value;
  return isTerminal(change.state) ? change : undefined;
}

function isFailure({ state }: Pick<TaskStateChange, "state">): boolean {
  return state === TaskState.FAILED || state === TaskState.CANCELED;
}
