import { create } from "@bufbuild/protobuf";
import { durationMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { OnDisconnect, TaskSchema } from "../../gen/agentlane/v1/task_pb.js";
import {
  type CancelTaskRequest,
  CancelTaskResponseSchema,
  GetTaskResponseSchema,
  ListDeadLettersResponseSchema,
  ListTasksResponseSchema,
  PurgeDeadLettersResponseSchema,
  RedriveTasksResponseSchema,
  SubmitTaskResponseSchema,
  type TaskService,
  type WatchTaskResponse,
} from "../../gen/agentlane/v1/task_service_pb.js";
import { invalidField } from "../errors.ts";
import type { TaskManager, WatchedEntry } from "../tasks/task-manager.ts";
import { guardDuration, guardTimestamp } from "../tasks/time-guard.ts";
import { filled, fittingPage, pageOf } from "./page.ts";
import type { Implementation } from "./rpc.ts";

/** `maxMessageBytes`: of a reply; pages are cut to it. */
export function taskService(
  manager: TaskManager,
  maxMessageBytes: number,
): Implementation<typeof TaskService> {
  return {
    async submitTask(request, { principal }) {
      const { $typeName: _, $unknown: __, streaming, deadlineAfter, ...fields } = request;
      const input = { ...fields, onDisconnect: OnDisconnect.UNSPECIFIED };
      guardDuration("deadline_after", deadlineAfter);
      const deadlineInMs = deadlineAfter ? durationMs(deadlineAfter) : undefined;
      const accepted = await manager.submit(principal, input, { streaming, deadlineInMs });
      return create(SubmitTaskResponseSchema, accepted);
    },

    async getTask({ taskId }, { principal }) {
      return create(GetTaskResponseSchema, { task: await manager.get(principal, taskId) });
    },

    async listTasks(request, { principal }) {
      const { agentId, sessionId, states, metadata } = request;
      const filter = { ...filled({ agentId, sessionId }), states, metadata };
      const { items, nextToken } = await fittingPage(
        TaskSchema,
        maxMessageBytes,
        pageOf(request),
        (page) => manager.list(principal, filter, page),
      );
      return create(ListTasksResponseSchema, { tasks: items, nextPageToken: nextToken });
    },

    async *watchTask({ taskId, afterSequence }, { principal, signal }) {
      for await (const batch of manager.watch(principal, taskId, afterSequence, signal)) {
        yield batch.map((entry) => watchReply(taskId, entry));
      }
    },

    async cancelTask(request, { principal }) {
      const task = await manager.cancel(principal, targetOf(request), request.reason);
      return create(CancelTaskResponseSchema, { task });
    },

    async listDeadLetters(request, { principal }) {
      const filter = filled({ agentId: request.agentId, reason: request.reason });
      const found = await fittingPage(TaskSchema, maxMessageBytes, pageOf(request), (page) =>
        manager.listDeadLetters(principal, filter, page),
      );
      const { items: tasks, nextToken: nextPageToken, totalCount } = found;
      return create(ListDeadLettersResponseSchema, { tasks, nextPageToken, totalCount });
    },

    async redriveTasks({ taskIds }, { principal }) {
      const { redriven, skipped } = await manager.redrive(principal, taskIds);
      const reply = { redrivenTaskIds: redriven, skippedTaskIds: skipped };
      return create(RedriveTasksResponseSchema, reply);
    },

    async purgeDeadLetters({ taskIds, agentId, failedBefore }, { principal }) {
      guardTimestamp("failed_before", failedBefore);
      const purgedCount = await manager.purgeDeadLetters(principal, {
        ...(taskIds.length > 0 ? { taskIds } : {}),
        ...filled({ agentId }),
        ...(failedBefore ? { failedBeforeMs: timestampMs(failedBefore) } : {}),
      });
      return create(PurgeDeadLettersResponseSchema, { purgedCount });
    },
  };
}

/** An object literal: there is one per token. */
function watchReply(taskId: string, entry: WatchedEntry): WatchTaskResponse {
  const { attempt, sequence, mergedCount, event } = entry;
  const $typeName = "agentlane.v1.WatchTaskResponse";
  return { $typeName, taskId, attempt, sequence, mergedCount, event };
}

function targetOf({ target }: CancelTaskRequest): { taskId: string } | { idempotencyKey: string } {
  switch (target.case) {
    case "taskId":
      return { taskId: target.value };
    case "idempotencyKey":
      return { idempotencyKey: target.value };
    default:
      throw invalidField("target", "task_id or idempotency_key is required");
  }
}
