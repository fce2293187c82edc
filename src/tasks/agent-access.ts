/**
 * Principals that may use some agents only: what belongs to the others is not there for them, like
 * what belongs to another tenant. Everybody else passes straight through.
 */
import type { Task } from "../../gen/agentlane/v1/task_pb.js";
import { AgentlaneError, isKind } from "../errors.ts";
import type { Page, PageRequest, TaskLog } from "../store/contract.ts";
import { keyNotFound, taskNotFound } from "../store/refusals.ts";
import { mayUse, type Principal } from "./principal.ts";
import { type SessionManager, type SessionName, sessionNotFound } from "./session-manager.ts";
import type { TaskManager } from "./task-manager.ts";

/** Pages of others' items that one call looks through for the principal's own. */
const MAX_PAGES = 20;

type KeyLog = Pick<TaskLog, "idOfKey">;

export function limitedToAgents(manager: TaskManager, log: KeyLog): TaskManager {
  async function checkTask(principal: Principal, taskId: string): Promise<void> {
    if (!principal.agentIds) return;
    const { agentId } = await manager.get(principal, taskId);
    if (!mayUse(principal, agentId)) throw taskNotFound(taskId);
  }

  /** Those of the tasks that are there for the principal. */
  async function own(principal: Principal, taskIds: readonly string[]): Promise<Set<string>> {
    const checked = taskIds.map((taskId) =>
      checkTask(principal, taskId).then(
        () => [taskId],
        (error: unknown) => {
          if (error instanceof AgentlaneError && error.kind === "not_found") return [];
          throw error;
        },
      ),
    );
    return new Set((await Promise.all(checked)).flat());
  }

  return {
    async submit(principal, input, options) {
      checkAgent(principal, input.agentId);
      return manager.submit(principal, input, options);
    },
    async run(principal, input, options, signal) {
      checkAgent(principal, input.agentId);
      return manager.run(principal, input, options, signal);
    },
    watch(principal, taskId, afterSequence, signal) {
      const watch = () => manager.watch(principal, taskId, afterSequence, signal);
      return principal.agentIds ? after(checkTask(principal, taskId), watch) : watch();
    },
    async get(principal, taskId) {
      const task = await manager.get(principal, taskId);
      if (!mayUse(principal, task.agentId)) throw taskNotFound(taskId);
      return task;
    },
    list: (principal, filter, page) =>
      ownPage(principal, page, (next) => manager.list(principal, filter, next)),
    async cancel(principal, target, reason) {
      if ("taskId" in target) await checkTask(principal, target.taskId);
      else if (principal.agentIds) {
        return manager.cancel(principal, await ownTarget(manager, log, principal, target), reason);
      }
      return manager.cancel(principal, target, reason);
    },
    async listDeadLetters(principal, filter, page) {
      if (!principal.agentIds) return manager.listDeadLetters(principal, filter, page);
      const wanted = [...principal.agentIds].filter(
        (id) => !filter.agentId || filter.agentId === id,
      );
      const first = { size: 1, token: "" };
      const counts = wanted.map((agentId) =>
        manager.listDeadLetters(principal, { ...filter, agentId }, first),
      );
      const totalCount = (await Promise.all(counts)).reduce(
        (sum, each) => sum + each.totalCount,
        0,
      );
      const found = await ownPage(principal, page, (next) =>
        manager.listDeadLetters(principal, filter, next),
      );
      return { ...found, totalCount };
    },
    async redrive(principal, taskIds) {
      if (!principal.agentIds) return manager.redrive(principal, taskIds);
      const ids = [...new Set(taskIds)];
      const known = await own(principal, ids);
      const others = ids.filter((id) => !known.has(id));
      const { redriven, skipped } = await manager.redrive(principal, [...known]);
      return { redriven, skipped: [...skipped, ...others] };
    },
    async purgeDeadLetters(principal, selection) {
      if (!principal.agentIds) return manager.purgeDeadLetters(principal, selection);
      if (selection.taskIds) {
        const known = await own(principal, selection.taskIds);
        return manager.purgeDeadLetters(principal, { ...selection, taskIds: [...known] });
      }
      const { agentId: wanted } = selection;
      const agentIds = [...principal.agentIds].filter((id) => !wanted || wanted === id);
      const purged = agentIds.map((agentId) =>
        manager.purgeDeadLetters(principal, { ...selection, agentId }),
      );
      return (await Promise.all(purged)).reduce((sum, count) => sum + count, 0);
    },
  };
}

export function sessionsLimitedToAgents(sessions: SessionManager): SessionManager {
  const checked = (principal: Principal, name: SessionName): void => {
    if (!mayUse(principal, name.agentId)) throw sessionNotFound(name);
  };
  return {
    async get(principal, name) {
      checked(principal, name);
      return sessions.get(principal, name);
    },
    list: (principal, filter, page) =>
      ownPage(principal, page, (next) => sessions.list(principal, filter, next)),
    async listInstances(principal, filter, page) {
      if (!principal.agentIds) return sessions.listInstances(principal, filter, page);
      const wanted = [...principal.agentIds].filter(
        (id) => !filter.agentId || filter.agentId === id,
      );
      const first = { size: 1, token: "" };
      const counts = wanted.map((agentId) =>
        sessions.listInstances(principal, { ...filter, agentId }, first),
      );
      const totalCount = (await Promise.all(counts)).reduce(
        (sum, each) => sum + each.totalCount,
        0,
      );
      const found = await ownPage(principal, page, (next) =>
        sessions.listInstances(principal, filter, next),
      );
      return { ...found, totalCount };
    },
    async destroy(principal, name) {
      checked(principal, name);
      return sessions.destroy(principal, name);
    },
    async export(principal, name) {
      checked(principal, name);
      return sessions.export(principal, name);
    },
    async import(principal, context, overwrite) {
      checkAgent(principal, context.agentId);
      return sessions.import(principal, context, overwrite);
    },
  };
}

/** A page without what belongs to other agents. It may be shorter than asked for. */
async function ownPage<T extends Pick<Task, "agentId">>(
  principal: Principal,
  page: PageRequest,
  read: (page: PageRequest) => Promise<Page<T>>,
): Promise<Page<T>> {
  if (!principal.agentIds) return read(page);
  let { token } = page;
  for (let pages = 0; ; pages++) {
    const { items, nextToken } = await read({ ...page, token });
    const own = items.filter(({ agentId }) => mayUse(principal, agentId));
    if (own.length > 0 || nextToken === "" || pages === MAX_PAGES) return { items: own, nextToken };
    token = nextToken;
  }
}

/**
 * The task that a key names, by its id: the key may be another task's a moment later. One of another
 * agent's task is answered as one of no task.
 */
async function ownTarget(
  manager: TaskManager,
  log: KeyLog,
  principal: Principal,
  { idempotencyKey }: { readonly idempotencyKey: string },
): Promise<{ taskId: string }> {
  const taskId = await log.idOfKey(principal.tenant, idempotencyKey);
  const task = await manager.get(principal, taskId).catch((error: unknown) => {
    if (isKind(error, "not_found")) throw keyNotFound();
    throw error;
  });
  if (!mayUse(principal, task.agentId)) throw keyNotFound();
  return { taskId };
}

async function* after<T>(checked: Promise<void>, watch: () => AsyncIterable<T>): AsyncGenerator<T> {
  await checked;
  yield* watch();
}

/** As for an agent that there is not; but here the known ones are not listed. */
function checkAgent(principal: Principal, agentId: string): void {
  if (mayUse(principal, agentId)) return;
  throw new AgentlaneError("not_found", "AGENT_NOT_FOUND", `agent "${agentId}" is not registered`, {
    metadata: { agent_id: agentId },
  });
}
