/** Canceling: at once what waits, by request what runs. */
import type { Task } from "../../../gen/agentlane/v1/task_pb.js";
import type { CancelRequest, Effects } from "../contract.ts";
import { canceledError } from "../messages.ts";
import { keyNotFound, taskNotFound } from "../refusals.ts";
import { readFreshEffects } from "./effects.ts";
import { writeChange } from "./entries.ts";
import { writeText } from "./names.ts";
import { readTask } from "./records.ts";
import { Fields } from "./reply.ts";
import type { Postgres } from "./store.ts";

export async function cancel(
  postgres: Postgres,
  { tenant, target, mode, reason }: CancelRequest,
): Promise<{ task: Task; effects: Effects }> {
  const byId = "taskId" in target;
  const answer = new Fields(
    await postgres.call("cancel_task", [
      writeText(tenant),
      byId ? writeText(target.taskId) : "",
      byId ? "" : writeText(target.idempotencyKey),
      mode,
      writeText(reason),
      writeChange({ error: canceledError(reason) }),
    ]),
  );
  const row = answer.fields("task");
  if (!row) throw byId ? taskNotFound(target.taskId) : keyNotFound();
  return { task: readTask(row), effects: readFreshEffects(answer) };
}
