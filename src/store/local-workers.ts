/** The registry of live workers where only one process uses the store: it dies with them. */

import type { Worker } from "../../gen/agentlane/v1/operations_service_pb.js";
import type { Instance } from "../../gen/agentlane/v1/session_pb.js";
import type { Clock } from "../clock.ts";
import { timestamp } from "../timestamp.ts";
import type { Page, PageRequest } from "./contract.ts";
import { readToken, writeToken } from "./page-token.ts";
import type { WorkerStore } from "./worker-registry.ts";

interface WorkerEntry {
  worker: Worker;
  expiresAtMs: number;
  /** By tenant, then by session key. */
  readonly instances: Map<string, Map<string, Instance>>;
}

export function createLocalWorkers(clock: Clock): WorkerStore {
  const workers = new Map<string, WorkerEntry>();

  function live(): WorkerEntry[] {
    const nowMs = clock.now();
    for (const [workerId, { expiresAtMs }] of workers) {
      if (expiresAtMs <= nowMs) workers.delete(workerId);
    }
    return [...workers.values()];
  }

  return {
    minReportIntervalMs: 0,

    async report({ worker, ttlMs, changed, removed }) {
      live();
      const nowMs = clock.now();
      const known = workers.get(worker.workerId);
      const instances = known?.instances ?? new Map<string, Map<string, Instance>>();
      for (const { tenant, sessionKey } of removed) instances.get(tenant)?.delete(sessionKey);
      for (const { tenant, instance } of changed) {
        const ofTenant = instances.get(tenant) ?? new Map<string, Instance>();
        instances.set(tenant, ofTenant.set(instance.sessionKey, instance));
      }
      workers.set(worker.workerId, {
        worker: { ...worker, lastSeenAt: timestamp(nowMs) },
        expiresAtMs: nowMs + ttlMs,
        instances,
      });
      return { known: known !== undefined };
    },

    async remove(workerId) {
      workers.delete(workerId);
    },

    async list() {
      return live()
        .map(({ worker }) => worker)
        .sort((a, b) => (a.workerId < b.workerId ? -1 : 1));
    },

    async instances(tenant, { agentId, workerId, sessionKey }, page) {
      const found: Instance[] = [];
      for (const { worker, instances } of live()) {
        if (workerId && worker.workerId !== workerId) continue;
        for (const instance of instances.get(tenant)?.values() ?? []) {
          if (agentId && instance.agentId !== agentId) continue;
          if (!sessionKey || instance.sessionKey === sessionKey) found.push(instance);
        }
      }
      found.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
      return { ...pageByName(found, page, nameOf), totalCount: found.length };
    },
  };
}

/** A session may be warm in two workers while it migrates. */
function nameOf({ sessionKey, workerId }: Instance): string {
  return `${sessionKey}\n${workerId}`;
}

/** A page of items sorted by a unique text, lowest first. */
function pageByName<T>(
  items: readonly T[],
  request: PageRequest,
  nameOf: (item: T) => string,
): Page<T> {
  const after = request.token === "" ? undefined : readToken(request.token);
  const rest = after === undefined ? items : items.filter((item) => nameOf(item) > after);
  const page = rest.slice(0, request.size);
  const last = page.at(-1);
  const more = rest.length > page.length && last !== undefined;
  return { items: page, nextToken: more ? writeToken(nameOf(last)) : "" };
}
