/** The registry of live workers. */

import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { WorkerSchema } from "../../../gen/agentlane/v1/operations_service_pb.js";
import { InstanceSchema } from "../../../gen/agentlane/v1/session_pb.js";
import { sessionKey } from "../contract.ts";
import { readToken, writeToken } from "../page-token.ts";
import type { WorkerStore } from "../worker-registry.ts";
import { writeText } from "./names.ts";
import { Fields } from "./reply.ts";
import type { Postgres } from "./store.ts";

/** A report is a round trip and some writes; closer together they would only repeat each other. */
const MIN_REPORT_INTERVAL_MS = 250;
/** Sorts after all that session keys hold. */
const LAST = "\u{10ffff}";

export function createWorkers(postgres: Postgres): WorkerStore {
  return {
    minReportIntervalMs: MIN_REPORT_INTERVAL_MS,

    async report({ worker, ttlMs, changed, removed }) {
      const known = await postgres.call("report_worker", [
        writeText(worker.workerId),
        Math.ceil(ttlMs),
        Buffer.from(toBinary(WorkerSchema, worker)),
        removed.map(({ tenant }) => writeText(tenant)),
        removed.map((each) => writeText(each.sessionKey)),
        changed.map(({ tenant }) => writeText(tenant)),
        changed.map(({ instance }) => writeText(instance.sessionKey)),
        changed.map(({ instance }) => Buffer.from(toBinary(InstanceSchema, instance))),
      ]);
      return { known: known === true };
    },

    async remove(workerId) {
      await postgres.call("remove_worker", [writeText(workerId)]);
    },

    async list() {
      return (await postgres.query("workers", [])).map((answer) => {
        const row = new Fields(answer);
        const worker = fromBinary(WorkerSchema, row.bytes("worker"));
        const lastSeenAt = row.instant("reported_at");
        if (lastSeenAt) worker.lastSeenAt = lastSeenAt;
        return worker;
      });
    },

    async instances(tenant, filter, { size, token }) {
      const [from, to] = keysOf(filter);
      const [key = "", worker = ""] = token === "" ? [] : readToken(token).split("\n");
      const [answer] = await postgres.query("instances", [
        ...[writeText(tenant), from, to],
        filter.workerId ? writeText(filter.workerId) : null,
        ...[key, worker, size + 1],
      ]);
      const found = new Fields(answer);
      const rows = found.list("instances").map((each) => new Fields(each));
      const shown = rows.slice(0, size);
      const last = shown.at(-1);
      const position = last ? [last.text("session_key"), last.text("worker_id")] : [];
      return {
        items: shown.map((row) => fromBinary(InstanceSchema, row.bytes("instance"))),
        nextToken: rows.length > shown.length ? writeToken(position.map(writeText).join("\n")) : "",
        totalCount: found.number("count"),
      };
    },
  };
}

/** The session keys that fit. One may be asked for together with an agent that it is not of. */
function keysOf(filter: { agentId?: string; sessionKey?: string }): [from: string, to: string] {
  const { agentId, sessionKey: key } = filter;
  const prefix = agentId ? writeText(sessionKey({ agentId, sessionId: "" })) : "";
  if (!key) return [prefix, `${prefix}${LAST}`];
  const name = writeText(key);
  return name.startsWith(prefix) ? [name, name] : [name, ""];
}
