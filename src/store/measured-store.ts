/** A store whose operations are timed, and whose refusals of stale fences are counted. */
import type { Clock } from "../clock.ts";
import { AgentlaneError, isKind } from "../errors.ts";
import { METRICS } from "../telemetry/metric-definitions.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Store } from "./contract.ts";

type Time = <T>(operation: string, ask: () => Promise<T>) => Promise<T>;

export function measureStore(store: Store, metrics: Metrics, clock: Clock): Store {
  const durations = metrics.histogram(METRICS.storeOperation);
  const refusals = metrics.counter(METRICS.fenceRefusals);
  const system = systemOf(store.type);

  const time: Time = (operation, ask) => {
    const startedAt = clock.monotonic();
    const end = (errorType: string): void =>
      durations.record((clock.monotonic() - startedAt) / 1000, system, operation, errorType);
    return ask().then(
      (answer) => {
        end("");
        return answer;
      },
      (error: unknown) => {
        end(error instanceof AgentlaneError ? error.reason : "UNKNOWN");
        throw error;
      },
    );
  };

  /** The same of a write that a stale fence is refused. */
  const timeWrite: Time = (operation, ask) =>
    time(operation, ask).catch((error: unknown) => {
      if (isKind(error, "lease_lost")) refusals.add(1, operation);
      throw error;
    });

  return {
    type: store.type,
    start: () => store.start(),
    stop: () => store.stop(),
    check: () => time("check", () => store.check()),
    tasks: tasksOf(store, time, timeWrite, (count) => refusals.add(count, "renew")),
    log: {
      get: (ref) => time("get", () => store.log.get(ref)),
      idOfKey: (...args) => time("id_of_key", () => store.log.idOfKey(...args)),
      list: (...args) => time("list", () => store.log.list(...args)),
      read: (...args) => time("read", () => store.log.read(...args)),
      figures: (queue) => time("figures", () => store.log.figures(queue)),
      queues: () => time("queues", () => store.log.queues()),
    },
    deadLetters: {
      list: (...args) => time("list_dead_letters", () => store.deadLetters.list(...args)),
      redrive: (...args) => time("redrive", () => store.deadLetters.redrive(...args)),
      purge: (...args) => time("purge", () => store.deadLetters.purge(...args)),
    },
    sessions: {
      load: (ref) => time("load_session", () => store.sessions.load(ref)),
      lane: (ref) => time("lane", () => store.sessions.lane(ref)),
      list: (...args) => time("list_sessions", () => store.sessions.list(...args)),
      import: (...args) => time("import_session", () => store.sessions.import(...args)),
      destroy: (ref) => time("destroy_session", () => store.sessions.destroy(ref)),
    },
    workers: {
      minReportIntervalMs: store.workers.minReportIntervalMs,
      report: (report) => time("report_worker", () => store.workers.report(report)),
      remove: (workerId) => time("remove_worker", () => store.workers.remove(workerId)),
      list: () => time("list_workers", () => store.workers.list()),
      instances: (...args) => time("list_instances", () => store.workers.instances(...args)),
    },
    tenants: {
      usage: (tenant) => time("usage", () => store.tenants.usage(tenant)),
      holding: (after, limit) => time("holding", () => store.tenants.holding(after, limit)),
      schedule: (...args) => time("schedule", () => store.tenants.schedule(...args)),
      close: (tenant) => time("close_tenant", () => store.tenants.close(tenant)),
      clear: (...args) => time("clear_tenant", () => store.tenants.clear(...args)),
    },
    credentials: {
      add: (...args) => time("add_key", () => store.credentials.add(...args)),
      find: (keyId) => time("find_key", () => store.credentials.find(keyId)),
      list: (...args) => time("list_keys", () => store.credentials.list(...args)),
      revoke: (...args) => time("revoke_key", () => store.credentials.revoke(...args)),
      markUsed: (...args) => time("mark_key_used", () => store.credentials.markUsed(...args)),
      forget: (tenant) => time("forget_keys", () => store.credentials.forget(tenant)),
    },
  };
}

function tasksOf(
  { tasks }: Store,
  time: Time,
  timeWrite: Time,
  onInvalidLeases: (count: number) => void,
): Store["tasks"] {
  return {
    create: (submission) => time("create", () => tasks.create(submission)),
    markPublished: (refs) => time("mark_published", () => tasks.markPublished(refs)),
    claim: (request) => time("claim", () => tasks.claim(request)),
    async renew(leases, leaseMs) {
      const statuses = await time("renew", () => tasks.renew(leases, leaseMs));
      const invalidCount = statuses.filter(({ valid }) => !valid).length;
      if (invalidCount > 0) onInvalidLeases(invalidCount);
      return statuses;
    },
    append: (...args) => timeWrite("append", () => tasks.append(...args)),
    // A sweeper that comes second to end a dead attempt has no fence of its own.
    finish: (lease, finish) =>
      (finish.ifExpired ? time : timeWrite)("finish", () => tasks.finish(lease, finish)),
    requestCancel: (request) => time("request_cancel", () => tasks.requestCancel(request)),
    expired: (limit) => time("expired", () => tasks.expired(limit)),
    sweep: (options) => time("sweep", () => tasks.sweep(options)),
    ready: (...args) => time("ready", () => tasks.ready(...args)),
  };
}

/** The convention's name. */
function systemOf(type: string): string {
  return type === "postgres" ? "postgresql" : type;
}
