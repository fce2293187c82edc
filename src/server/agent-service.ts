import { create } from "@bufbuild/protobuf";
import {
  type AgentService,
  ExecuteResponseSchema,
  type StreamExecuteResponse,
} from "../../gen/agentlane/v1/agent_service_pb.js";
import { TaskState, type TaskStateChange } from "../../gen/agentlane/v1/task_pb.js";
import type { TaskManager, WatchedEntry } from "../tasks/task-manager.ts";
import { watchEnded } from "../tasks/watch.ts";
import { taskFailure } from "./error-codes.ts";
import type { Call, Implementation } from "./rpc.ts";

export function agentService(manager: TaskManager): Implementation<typeof AgentService> {
  const run = (request: Parameters<TaskManager["run"]>[1], call: Call, streaming: boolean) => {
    const options = { streaming, deadlineInMs: call.remainingMs() };
    return manager.run(call.principal, request, options, call.signal);
  };

  return {
    async execute(request, call) {
      const { taskId, entries } = await run(request, call, false);
      for await (const batch of entries) {
        const last = batch.find(terminalChange);
        const end = last && terminalChange(last);
        if (!end) continue;
        if (isFailure(end)) throw taskFailure(taskId, end.error);
        const { attempt, sequence } = last;
        const { state, result } = end;
        const { sessionId } = request;
        const reply = { taskId, sessionId, state, attempt, sequence };
        return create(ExecuteResponseSchema, result ? { ...reply, result } : reply);
      }
      throw call.signal.aborted ? call.signal.reason : watchEnded(taskId);
    },

    async *streamExecute(request, call) {
      const { taskId, entries } = await run(request, call, true);
      for await (const batch of entries) {
        const last = batch.find(terminalChange);
        const told = last ? batch.slice(0, batch.indexOf(last) + 1) : batch;
        yield told.map((entry) => streamReply(taskId, entry));
        const end = last && terminalChange(last);
        if (end && isFailure(end)) throw taskFailure(taskId, end.error);
        if (end) return;
      }
      throw call.signal.aborted ? call.signal.reason : watchEnded(taskId);
    },
  };
}

/** An object literal: there is one per token. */
function streamReply(taskId: string, entry: WatchedEntry): StreamExecuteResponse {
  const { attempt, sequence, mergedCount, event } = entry;
  const $typeName = "agentlane.v1.StreamExecuteResponse";
  return { $typeName, taskId, attempt, sequence, mergedCount, event };
}

function terminalChange({ event }: WatchedEntry): TaskStateChange | undefined {
  if (event.kind.case !== "stateChange") return undefined;
  return event.kind.value.state >= TaskState.COMPLETED ? event.kind.value : undefined;
}

function isFailure({ state }: TaskStateChange): boolean {
  return state === TaskState.FAILED || state === TaskState.CANCELED;
}
