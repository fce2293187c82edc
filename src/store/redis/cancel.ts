/** Canceling: at once what waits, by request what runs. */
import type { Task } from "../../../gen/agentlane/v1/task_pb.js";
import { writeChange } from "../../redis/entries.ts";
import { list, text } from "../../redis/reply.ts";
import type { CancelRequest, Effects } from "../contract.ts";
import { canceledError } from "../messages.ts";
import { keyNotFound, taskNotFound } from "../refusals.ts";
import { readEffects } from "./effects.ts";
import { keyName, taskName } from "./keys.ts";
import { readShown } from "./records.ts";
import type { Redis } from "./store.ts";

export async function cancel(
  redis: Redis,
  { tenant, target, mode, reason }: CancelRequest,
): Promise<{ task: Task; effects: Effects }> {
  const byId = "taskId" in target;
  const change = writeChange({ error: canceledError(reason) });
  const reply = list(
    await redis.run("cancel", [
      byId ? taskName({ tenant, taskId: target.taskId }) : "",
      byId ? "" : keyName(tenant, target.idempotencyKey),
      mode,
      reason,
      change,
    ]),
  );
  const [outcome, now, , shown, notices, bells] = reply;
  if (text(outcome) === "NONE") throw byId ? taskNotFound(target.taskId) : keyNotFound();
  return { task: readShown(shown).task, effects: readEffects({ now, notices, bells }) };
}
