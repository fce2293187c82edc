import type { Store } from "../../src/store/contract.ts";
import type { CallFaults } from "./call-faults.ts";

/** The store as one process reaches it. It belongs to all of them: start and stop do nothing. */
export function faultStore(inner: Store, { call }: CallFaults): Store {
  const { tasks, log, deadLetters, sessions, workers, credentials, tenants } = inner;
  return {
    type: inner.type,
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    check: () => call("check", () => inner.check()),
    tasks: {
      create: (submission) => call("create", () => tasks.create(submission)),
      markPublished: (refs) => call("markPublished", () => tasks.markPublished(refs)),
      claim: (request) => call("claim", () => tasks.claim(request)),
      renew: (leases, leaseMs) => call("renew", () => tasks.renew(leases, leaseMs)),
      append: (lease, after, events) => call("append", () => tasks.append(lease, after, events)),
      finish: (lease, finish) => call("finish", () => tasks.finish(lease, finish)),
      requestCancel: (request) => call("requestCancel", () => tasks.requestCancel(request)),
      expired: (limit) => call("expired", () => tasks.expired(limit)),
      sweep: (options) => call("sweep", () => tasks.sweep(options)),
      ready: (queue, after, limit) => call("ready", () => tasks.ready(queue, after, limit)),
    },
    log: {
      get: (ref) => call("get", () => log.get(ref)),
      idOfKey: (tenant, key) => call("idOfKey", () => log.idOfKey(tenant, key)),
      list: (tenant, filter, page) => call("list", () => log.list(tenant, filter, page)),
      read: (ref, after, limit) => call("read", () => log.read(ref, after, limit)),
      figures: (queue) => call("figures", () => log.figures(queue)),
      queues: () => call("queues", () => log.queues()),
    },
    deadLetters: {
      list: (tenant, filter, page) =>
        call("deadLetters", () => deadLetters.list(tenant, filter, page)),
      redrive: (tenant, ids) => call("redrive", () => deadLetters.redrive(tenant, ids)),
      purge: (tenant, selection) => call("purge", () => deadLetters.purge(tenant, selection)),
    },
    sessions: {
      load: (ref) => call("load", () => sessions.load(ref)),
      lane: (ref) => call("lane", () => sessions.lane(ref)),
      list: (tenant, filter, page) => call("sessions", () => sessions.list(tenant, filter, page)),
      import: (ref, context, overwrite) =>
        call("import", () => sessions.import(ref, context, overwrite)),
      destroy: (ref) => call("destroy", () => sessions.destroy(ref)),
    },
    workers: {
      minReportIntervalMs: workers.minReportIntervalMs,
      report: (report) => call("report", () => workers.report(report)),
      remove: (workerId) => call("remove", () => workers.remove(workerId)),
      list: () => call("workers", () => workers.list()),
      instances: (tenant, filter, page) =>
        call("instances", () => workers.instances(tenant, filter, page)),
    },
    credentials: {
      add: (record, limits) => call("addKey", () => credentials.add(record, limits)),
      find: (keyId) => call("findKey", () => credentials.find(keyId)),
      list: (tenant, page) => call("listKeys", () => credentials.list(tenant, page)),
      revoke: (keyId, atMs) => call("revokeKey", () => credentials.revoke(keyId, atMs)),
      markUsed: (keyId, atMs) => call("markKeyUsed", () => credentials.markUsed(keyId, atMs)),
      forget: (tenant) => call("forgetKeys", () => credentials.forget(tenant)),
    },
    tenants: {
      usage: (tenant) => call("usage", () => tenants.usage(tenant)),
      holding: (after, limit) => call("holding", () => tenants.holding(after, limit)),
      schedule: (tenant, limits, limit) =>
        call("schedule", () => tenants.schedule(tenant, limits, limit)),
      close: (tenant) => call("closeTenant", () => tenants.close(tenant)),
      clear: (tenant, limit) => call("clearTenant", () => tenants.clear(tenant, limit)),
    },
  };
}
