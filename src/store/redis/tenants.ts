/** What tenants have and may have at once. The rest of it is in the functions that change tasks. */
import { list, number, text } from "../../redis/reply.ts";
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
  };
}
