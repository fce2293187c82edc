/** What tenants have and may have at once. The rest of it is in the functions that change tasks. */
import { toBinary } from "@bufbuild/protobuf";
import { AttemptOutcome, TaskErrorSchema } from "../../../gen/agentlane/v1/task_pb.js";
import { writeChange } from "../../redis/entries.ts";
import { list, number, text } from "../../redis/reply.ts";
import { canceledError } from "../messages.ts";
import type { TenantStore } from "../tenant-contract.ts";
import { readEffects } from "./effects.ts";
import { decodePart, encodePart } from "./keys.ts";
import type { Redis } from "./store.ts";

export function createTenants(redis: Redis): TenantStore {
  return {
    async usage(tenant) {
      const reply = list(await redis.run("usage", [encodePart(tenant)])).map(number);
      const [queued = 0, running = 0, held = 0, sessions = 0, tokens = 0, bytes = 0] = reply;
      return {
        queuedCount: queued,
        runningCount: running,
        heldCount: held,
        sessionCount: sessions,
        tokenCount: tokens,
        storedBytes: bytes,
      };
    },

    async holding(afterTenant, limit) {
      const from = afterTenant === "" ? "-" : `(${encodePart(afterTenant)}`;
      const args = [from, "+", "LIMIT", 0, limit];
      const names = list(await redis.send("zrangebylex", ":holding", args));
      return names.map((name) => decodePart(text(name)));
    },

    async schedule(tenant, { window, maxRunningTasks = "" }, limit) {
      const args = [encodePart(tenant), window, maxRunningTasks, limit];
      const [now, bells] = list(await redis.run("schedule", args));
      return { effects: readEffects({ now, bells }) };
    },

    async close(tenant) {
      await redis.run("close", [encodePart(tenant)]);
    },

    async clear(tenant, limit) {
      const error = canceledError("the tenant was deleted");
      const written = Buffer.from(toBinary(TaskErrorSchema, error));
      const canceled = [writeChange({ error }), written, error.message, AttemptOutcome.CANCELED];
      const args = [encodePart(tenant), ...canceled, limit];
      const [last, tasks, unfinished, sessions, now, notices, bells] = list(
        await redis.run("clear", args),
      );
      return {
        isDone: last === 1,
        taskCount: number(tasks),
        canceledCount: number(unfinished),
        sessionCount: number(sessions),
        effects: readEffects({ now, notices, bells }),
      };
    },
  };
}
