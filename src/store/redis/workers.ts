/** The registry of live workers. */

import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Worker, WorkerSchema } from "../../../gen/agentlane/v1/operations_service_pb.js";
import { type Instance, InstanceSchema } from "../../../gen/agentlane/v1/session_pb.js";
import { bytes, list, number, text } from "../../redis/reply.ts";
import { timestamp } from "../../timestamp.ts";
import type { Page, PageRequest } from "../contract.ts";
import { readToken, writeToken } from "../page-token.ts";
import type { WorkerStore } from "../worker-registry.ts";
import { encodePart, heldName, instanceRange } from "./keys.ts";
import type { Redis } from "./store.ts";

/** A report is a round trip and some writes; closer together they would only repeat each other. */
const MIN_REPORT_INTERVAL_MS = 100;

interface InstanceFilter {
  agentId?: string;
  workerId?: string;
  sessionKey?: string;
}

export function createWorkers(redis: Redis): WorkerStore {
  return {
    minReportIntervalMs: MIN_REPORT_INTERVAL_MS,

    async report({ worker, ttlMs, changed, removed }) {
      const gone = removed.map(({ tenant, sessionKey }) => heldName(tenant, sessionKey));
      const held = changed.flatMap(({ tenant, instance }) => {
        const stored = Buffer.from(toBinary(InstanceSchema, instance));
        return [heldName(tenant, instance.sessionKey), stored];
      });
      const stored = Buffer.from(toBinary(WorkerSchema, worker));
      const name = encodePart(worker.workerId);
      const args = [name, ttlMs, stored, gone.length, ...gone, ...held];
      const [known] = list(await redis.run("report", args));
      return { known: known === 1 };
    },

    async remove(workerId) {
      await redis.run("workers", [encodePart(workerId)]);
    },

    async list() {
      return list(await redis.run("workers", [""]))
        .map((reply) => readWorker(bytes(reply)))
        .sort((a, b) => (a.workerId < b.workerId ? -1 : 1));
    },

    instances: (tenant, filter, page) => listInstances(redis, tenant, filter, page),
  };
}

/** The instant of the report (f64), then the Worker. */
function readWorker(stored: Buffer): Worker {
  const worker = fromBinary(WorkerSchema, stored.subarray(8));
  worker.lastSeenAt = timestamp(stored.readDoubleBE(0));
  return worker;
}

async function listInstances(
  redis: Redis,
  tenant: string,
  filter: InstanceFilter,
  { size, token }: PageRequest,
): Promise<Page<Instance> & { totalCount: number }> {
  const { from, to } = instanceRange(filter);
  const pageFrom = token === "" ? from : `(${readToken(token)}`;
  const worker = filter.workerId ? encodePart(filter.workerId) : "";
  const args = [encodePart(tenant), from, to, pageFrom, size + 1, worker];
  const [total, ...found] = list(await redis.run("instances", args));
  const items: Instance[] = [];
  let last = "";
  for (let index = 0; index < Math.min(found.length, 2 * size); index += 2) {
    const stored = found[index + 1];
    last = text(found[index]);
    if (stored !== null) items.push(fromBinary(InstanceSchema, bytes(stored)));
  }
  const nextToken = found.length > 2 * size ? writeToken(last) : "";
  return { items: items.filter(fits(filter)), nextToken, totalCount: number(total) };
}

/** A session key may be asked for together with an agent that it is not of. */
function fits({ agentId, sessionKey }: InstanceFilter): (instance: Instance) => boolean {
  return (instance) => {
    if (agentId && instance.agentId !== agentId) return false;
    return !sessionKey || instance.sessionKey === sessionKey;
  };
}
