/** POLICY of deleting a tenant: all of it, in steps, and nothing of it comes back. */
import type { Clock } from "../clock.ts";
import { AgentlaneError } from "../errors.ts";
import type { Store } from "../store/contract.ts";
import { sessionReplacedNotice } from "../store/messages.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { API_KEY_SUBJECT, type Principal } from "./principal.ts";

export interface DeletedTenant {
  /** Whether nothing is left; otherwise a repeat goes on. */
  readonly done: boolean;
  readonly taskCount: number;
  readonly canceledCount: number;
  readonly sessionCount: number;
  readonly apiKeyCount: number;
}

export interface TenantDeletion {
  /**
   * Works for WORK_MS at most, and a step. `permission_denied` (AGENTS_LIMITED) for a principal that is
   * limited to some agents, `failed_precondition` (OWN_TENANT) for one whose own API key would go.
   */
  delete(principal: Principal, tenant: string, signal: AbortSignal): Promise<DeletedTenant>;
}

export interface TenantDeletionParts {
  readonly store: Store;
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  /** Told of each API key that is valid no more. */
  readonly onKeyForgotten: (keyId: string) => void;
}

/** Less than the time limits that callers set. */
const WORK_MS = 5000;
/** Tasks or sessions of a step: others are served between two. */
const STEP_COUNT = 1000;
/** Workers report what they hold this soon after it has changed, as a rule. */
const REPORT_MS = 200;
const INSTANCE_COUNT = 500;

export function createTenantDeletion(parts: TenantDeletionParts): TenantDeletion {
  const { store, dispatcher, clock } = parts;

  /** Whether no worker holds an instance of the tenant any more; tells those that do to drop them. */
  async function isForgottenByWorkers(tenant: string): Promise<boolean> {
    const page = { size: INSTANCE_COUNT, token: "" };
    const { items } = await store.workers.instances(tenant, {}, page);
    const notices = items.map(({ agentId, sessionId }) =>
      sessionReplacedNotice({ tenant, agentId, sessionId }),
    );
    await dispatcher.dispatch({ doorbells: [], notices });
    return items.length === 0;
  }

  return {
    async delete(principal, tenant, signal) {
      refuse(principal, tenant);
      const endAt = clock.monotonic() + WORK_MS;
      await store.tenants.close(tenant);
      const keyIds = await store.credentials.forget(tenant);
      for (const keyId of keyIds) parts.onKeyForgotten(keyId);
      const deleted = { taskCount: 0, canceledCount: 0, sessionCount: 0 };
      const progress = (done: boolean) => ({ done, ...deleted, apiKeyCount: keyIds.length });
      for (;;) {
        const { isDone, effects, ...counts } = await store.tenants.clear(tenant, STEP_COUNT);
        deleted.taskCount += counts.taskCount;
        deleted.canceledCount += counts.canceledCount;
        deleted.sessionCount += counts.sessionCount;
        await dispatcher.dispatch(effects);
        if (isDone && (await isForgottenByWorkers(tenant))) return progress(true);
        if (signal.aborted || clock.monotonic() >= endAt) return progress(false);
        if (isDone) await clock.sleep(REPORT_MS, signal).catch(() => undefined);
      }
    },
  };
}

function refuse({ agentIds, subject, tenant: own }: Principal, tenant: string): void {
  if (agentIds) {
    throw new AgentlaneError(
      "permission_denied",
      "AGENTS_LIMITED",
      "these credentials are limited to some agents, and a tenant has tasks of all",
    );
  }
  if (own !== tenant || !subject.startsWith(API_KEY_SUBJECT)) return;
  throw new AgentlaneError(
    "failed_precondition",
    "OWN_TENANT",
    `the API key that asks is one of tenant ${tenant} and would be deleted before the rest: use a key of another tenant`,
  );
}
