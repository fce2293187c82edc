/** Tenants of which nothing new is accepted. */
import { tenantClosed } from "../refusals.ts";
import type { Operation, Reading } from "./state.ts";

export function isClosed({ sql, nowMs }: Reading, tenant: string): boolean {
  return sql.isClosed.get(tenant, nowMs) !== undefined;
}

export function refuseClosed(op: Reading, tenant: string): void {
  if (isClosed(op, tenant)) throw tenantClosed();
}

export function closeTenant({ sql }: Operation, tenant: string): void {
  sql.closeTenant(tenant, null);
  // Nobody is to be rung for only to be canceled.
  sql.closeWindow(tenant);
}
