/** POLICY of sessions: look at them, move them, end them. */
import type {
  ExecutionContext,
  Instance,
  SessionSummary,
} from "../../gen/agentlane/v1/session_pb.js";
import type { Clock } from "../clock.ts";
import { AgentlaneError } from "../errors.ts";
import type { NewId } from "../ids.ts";
import {
  type Page,
  type PageRequest,
  type SessionRef,
  type Store,
  sessionKey,
} from "../store/contract.ts";
import { messageBytes } from "../store/page-bytes.ts";
import { exceeded, quotaExceeded } from "../store/quota.ts";
import { guardContext } from "./context-guard.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { Principal } from "./principal.ts";
import { storeLimits, type TenantPolicy } from "./tenant-policy.ts";

export interface SessionName {
  readonly agentId: string;
  readonly sessionId: string;
}

export interface SessionView {
  readonly context: ExecutionContext;
  readonly instance: Instance | undefined;
  readonly unfinishedTaskIds: string[];
}

export interface SessionManager {
  /** `not_found` before the first committed turn. */
  get(principal: Principal, name: SessionName): Promise<SessionView>;
  list(
    principal: Principal,
    filter: { agentId?: string },
    page: PageRequest,
  ): Promise<Page<SessionSummary>>;
  listInstances(
    principal: Principal,
    filter: { agentId?: string; workerId?: string },
    page: PageRequest,
  ): Promise<Page<Instance> & { totalCount: number }>;
  destroy(
    principal: Principal,
    name: SessionName,
  ): Promise<{ destroyed: boolean; canceledTaskCount: number }>;
  /** `not_found` before the first committed turn. */
  export(principal: Principal, name: SessionName): Promise<ExecutionContext>;
  /**
   * Answers the version the session has now. `not_found` for an unknown agent; `invalid_argument` for
   * what no turn could have committed.
   */
  import(principal: Principal, context: ExecutionContext, overwrite: boolean): Promise<bigint>;
}

export interface SessionManagerParts {
  readonly store: Store;
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  readonly policy: TenantPolicy;
  /** Makes ids of messages that have none. */
  readonly newId: NewId;
  /**
   * What only executors know. Throws `not_found` for an unknown agent, `invalid_argument` for tool
   * calls without results and for a checkpoint that the agent's framework cannot read.
   */
  readonly checkContext: (context: ExecutionContext) => void;
}

export function createSessionManager(parts: SessionManagerParts): SessionManager {
  const { store, dispatcher } = parts;

  async function load(principal: Principal, name: SessionName): Promise<ExecutionContext> {
    const stored = await store.sessions.load(refOf(principal, name));
    if (!stored) throw sessionNotFound(name);
    return stored.context;
  }

  async function instanceOf(
    principal: Principal,
    name: SessionName,
  ): Promise<Instance | undefined> {
    const filter = { sessionKey: sessionKey(name) };
    const page = await store.workers.instances(principal.tenant, filter, { size: 1, token: "" });
    return page.items[0];
  }

  return {
    async get(principal, name) {
      const ref = refOf(principal, name);
      const [stored, unfinishedTaskIds, instance] = await Promise.all([
        store.sessions.load(ref),
        store.sessions.lane(ref),
        instanceOf(principal, name),
      ]);
      if (!stored) throw sessionNotFound(name);
      return { context: stored.context, instance, unfinishedTaskIds };
    },
    list: (principal, filter, page) => store.sessions.list(principal.tenant, filter, page),
    listInstances: (principal, filter, page) =>
      store.workers.instances(principal.tenant, filter, page),
    async destroy(principal, name) {
      const instance = await instanceOf(principal, name);
      const { existed, canceledCount, effects } = await store.sessions.destroy(
        refOf(principal, name),
      );
      await dispatcher.dispatch(effects);
      return { destroyed: existed || instance !== undefined, canceledTaskCount: canceledCount };
    },
    export: load,
    async import(principal, context, overwrite) {
      guardContext(context);
      parts.checkContext(context);
      const history = context.history.map((message) =>
        message.id === "" ? { ...message, id: parts.newId() } : message,
      );
      const imported = { ...context, history };
      const ref = refOf(principal, context);
      await refuseOverQuota(parts, ref, imported);
      const { effects } = await store.sessions.import(ref, imported, overwrite);
      await dispatcher.dispatch(effects);
      return context.version;
    },
  };
}

/** Imports that come at once are not seen by one another. */
async function refuseOverQuota(
  { store, clock, policy }: SessionManagerParts,
  ref: SessionRef,
  context: ExecutionContext,
): Promise<void> {
  const { tenant } = ref;
  const rule = policy.ruleOf(tenant);
  if (!rule) return;
  const limits = storeLimits(rule);
  // From here on its contexts count.
  await store.tenants.schedule(tenant, limits, 0);
  const [known, usage] = await Promise.all([store.sessions.load(ref), store.tenants.usage(tenant)]);
  const { maxLiveSessions, maxStoredBytes } = limits;
  const quota = {
    limits: { window: limits.window, maxLiveSessions, maxStoredBytes },
    bytes: messageBytes(context),
  };
  const name = exceeded(quota, usage, {
    isNewSession: !known,
    sessionCount: () => usage.sessionCount,
    freedCount: () => 0,
  });
  if (name) throw quotaExceeded(tenant, name, quota, clock.now());
}

function refOf(principal: Principal, name: SessionName): SessionRef {
  return { tenant: principal.tenant, agentId: name.agentId, sessionId: name.sessionId };
}

export function sessionNotFound(name: SessionName): AgentlaneError {
  return new AgentlaneError(
    "not_found",
    "SESSION_NOT_FOUND",
    `session ${sessionKey(name)} has no committed turn`,
    { metadata: { agent_id: name.agentId, session_id: name.sessionId } },
  );
}
