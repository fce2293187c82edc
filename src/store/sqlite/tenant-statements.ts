/** Statements about tenants; a part of those of statements.ts. */
import type { HeldRow, LineRow, SessionNameRow, TenantRow } from "./rows.ts";
import type { Preparing } from "./statements.ts";

export const TENANT_SQL = {
  tenant: "SELECT * FROM tenants WHERE tenant = ?",
  openTenant: `INSERT INTO tenants (tenant, window, max_running, queued_count, running_count, stored_bytes,
    token_day, token_count) VALUES (?, ?, ?, 0, 0, 0, 0, 0)
    ON CONFLICT (tenant) DO UPDATE SET window = excluded.window, max_running = excluded.max_running`,
  countTenant: `UPDATE tenants SET queued_count = queued_count + ?, running_count = running_count + ?,
    stored_bytes = stored_bytes + ? WHERE tenant = ?`,
  countTokens: `UPDATE tenants SET token_day = ?1, token_count = iif(token_day = ?1, token_count, 0) + ?2
    WHERE tenant = ?3`,
  countLine: `INSERT INTO tenant_lines (tenant, queue, rung_count, held_count, is_risens_turn)
    VALUES (?, ?, ?, ?, 1) ON CONFLICT (tenant, queue) DO UPDATE SET
    rung_count = rung_count + excluded.rung_count, held_count = held_count + excluded.held_count`,
  line: "SELECT queue, rung_count, is_risens_turn FROM tenant_lines WHERE tenant = ? AND queue = ?",
  setTurn: "UPDATE tenant_lines SET is_risens_turn = ? WHERE tenant = ? AND queue = ?",
  heldLines: `SELECT queue, rung_count, is_risens_turn FROM tenant_lines
    WHERE tenant = ? AND held_count > 0 ORDER BY queue`,
  heldHead: `SELECT id, held_since FROM tasks WHERE tenant = ? AND queue = ? AND held_level = ?
    ORDER BY held_since, id LIMIT 1`,
  heldCount: "SELECT coalesce(sum(held_count), 0) AS found FROM tenant_lines WHERE tenant = ?",
  holding: `SELECT DISTINCT tenant FROM tenant_lines WHERE held_count > 0 AND tenant > ?
    ORDER BY tenant LIMIT ?`,
  holdLater: "UPDATE tasks SET held_level = ?, held_since = ? WHERE id = ?",
  ringHeld: `UPDATE tasks SET ready = 1, published = 0, rung_at = ?, held_level = NULL, held_since = NULL
    WHERE id = ?`,
  sessionCount: `SELECT count(*) AS found FROM (
    SELECT 1 FROM sessions WHERE tenant = ? AND used_order IS NOT NULL LIMIT ?)`,

  isClosed:
    "SELECT 1 AS found FROM closed_tenants WHERE tenant = ? AND (until_at IS NULL OR until_at > ?)",
  closeTenant: `INSERT INTO closed_tenants (tenant, until_at) VALUES (?, ?)
    ON CONFLICT (tenant) DO UPDATE SET until_at = excluded.until_at`,
  reopenTenants: "DELETE FROM closed_tenants WHERE until_at <= ?",
  closeWindow: "UPDATE tenants SET window = 0 WHERE tenant = ?",
  sessionsOf: "SELECT id, tenant, agent_id, session_id FROM sessions WHERE tenant = ? LIMIT ?",
  deleteTenant: "DELETE FROM tenants WHERE tenant = ?",
  deleteLines: "DELETE FROM tenant_lines WHERE tenant = ?",
} as const;

export function tenantStatements({ change, query }: Preparing<keyof typeof TENANT_SQL>) {
  return {
    tenant: query<TenantRow>("tenant"),
    openTenant: change("openTenant"),
    countTenant: change("countTenant"),
    countTokens: change("countTokens"),
    countLine: change("countLine"),
    line: query<LineRow>("line"),
    setTurn: change("setTurn"),
    heldLines: query<LineRow>("heldLines"),
    heldHead: query<HeldRow>("heldHead"),
    heldCount: query<{ found: number }>("heldCount"),
    holding: query<{ tenant: string }>("holding"),
    holdLater: change("holdLater"),
    ringHeld: change("ringHeld"),
    sessionCount: query<{ found: number }>("sessionCount"),
    isClosed: query<{ found: number }>("isClosed"),
    closeTenant: change("closeTenant"),
    reopenTenants: change("reopenTenants"),
    closeWindow: change("closeWindow"),
    sessionsOf: query<SessionNameRow>("sessionsOf"),
    deleteTenant: change("deleteTenant"),
    deleteLines: change("deleteLines"),
  };
}
