/** Keeps the tenants' windows: gives the store the rules as they are now, and lets ring what may. */
import type { Store } from "../store/contract.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { Chore } from "./sweeper.ts";
import { storeLimits, type TenantPolicy } from "./tenant-policy.ts";

const INTERVAL_MS = 5000;
/** Tenants at a time, and doorbells of one of them. */
const LIMIT = 256;

export function tenantChore(parts: {
  readonly store: Store;
  readonly dispatcher: Dispatcher;
  readonly policy: TenantPolicy;
}): Chore {
  const { tenants } = parts.store;

  async function schedule(tenant: string): Promise<void> {
    const rule = parts.policy.ruleOf(tenant);
    if (!rule) return;
    const { effects } = await tenants.schedule(tenant, storeLimits(rule), LIMIT);
    await parts.dispatcher.dispatch(effects);
  }

  return {
    name: "tenants",
    intervalMs: INTERVAL_MS,
    runsAtStart: true,
    async run() {
      let names: string[] = [];
      do {
        names = await tenants.holding(names.at(-1) ?? "", LIMIT);
        for (const tenant of names) await schedule(tenant);
      } while (names.length === LIMIT);
    },
  };
}
