/** How long a task has run; it goes on while the task does. */
import type { Task } from "../../../gen/agentlane/v1/task_pb.js";
import { atMs, formatDuration } from "../model/format.ts";
import { useNow } from "../services/hooks.ts";

export function RunTime({ task }: { task: Task }) {
  const now = useNow();
  const startedAt = atMs(task.startedAt);
  if (startedAt === undefined) return <>–</>;
  return <>{formatDuration(Math.max(0, (atMs(task.finishedAt) ?? now) - startedAt))}</>;
}
