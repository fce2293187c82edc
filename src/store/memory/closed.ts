/** Tenants of which nothing new is accepted. */
import { tenantClosed } from "../refusals.ts";
import type { MemoryState, Operation } from "./state.ts";

export function isClosed({ closed, clock }: MemoryState, tenant: string): boolean {
  const until = closed.get(tenant);
  return until !== undefined && until > clock.now();
}

export function refuseClosed(state: MemoryState, tenant: string): void {
  if (isClosed(state, tenant)) throw tenantClosed();
}

export function closeTenant(state: MemoryState, tenant: string): void {
  state.closed.set(tenant, Number.POSITIVE_INFINITY);
  const account = state.tenants.get(tenant)?.account;
  // Nobody is to be rung for only to be canceled.
  if (account) account.limits = { ...account.limits, window: 0 };
}

/** Those whose time is over; answers how many, at most `limit`. */
export function reopenTenants({ state, nowMs }: Operation, limit: number): number {
  let count = 0;
  for (const [tenant, until] of state.closed) {
    if (count === limit) break;
    if (until > nowMs) continue;
    state.closed.delete(tenant);
    count++;
  }
  return count;
}
