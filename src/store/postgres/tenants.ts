/** What tenants have and may have at once. The rest of it is in the functions that change tasks. */
import { canceledError } from "../messages.ts";
import type { TenantStore } from "../tenant-contract.ts";
import { readEffects, readFreshEffects } from "./effects.ts";
import { writeChange } from "./entries.ts";
import { readText, writeText } from "./names.ts";
import { Fields, unexpected } from "./reply.ts";
import type { Postgres } from "./store.ts";

/** A step deletes some thousand tasks with their logs. */
const STEP_LIMITS = { timeoutMs: 10_000 };

export function createTenants(postgres: Postgres): TenantStore {
  return {
    async usage(tenant) {
      const answer = new Fields(await postgres.call("tenant_usage", [writeText(tenant)]));
      return {
        queuedCount: answer.number("queued"),
        runningCount: answer.number("running"),
        heldCount: answer.number("held"),
        sessionCount: answer.number("sessions"),
        tokenCount: answer.number("tokens"),
        storedBytes: answer.number("stored_bytes"),
      };
    },

    async holding(afterTenant, limit) {
      const names = await postgres.query("holding", [writeText(afterTenant), limit]);
      return names.map((name) => {
        if (typeof name !== "string") throw unexpected(name);
        return readText(name);
      });
    },

    async schedule(tenant, { window, maxRunningTasks = null }, limit) {
      const args = [writeText(tenant), window, maxRunningTasks, limit];
      const answer = new Fields(await postgres.call("schedule_tenant", args));
      return { effects: readEffects(answer) };
    },

    async close(tenant) {
      await postgres.call("close_tenant", [writeText(tenant)]);
    },

    async clear(tenant, limit) {
      const error = canceledError("the tenant was deleted");
      const args = [writeText(tenant), limit, writeChange({ error }), error.message];
      const answer = new Fields(await postgres.call("clear_tenant", args, STEP_LIMITS));
      return {
        isDone: answer.flag("done"),
        taskCount: answer.number("tasks"),
        canceledCount: answer.number("canceled"),
        sessionCount: answer.number("sessions"),
        effects: readFreshEffects(answer),
      };
    },
  };
}
