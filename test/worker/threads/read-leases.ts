/** Reads a lease table until its event loop beats, and tells of leases that are not of one piece. */
import { parentPort, workerData } from "node:worker_threads";
import { readLeaseTable } from "../../../src/worker/lease-table.ts";

const reader = readLeaseTable(workerData);
const torn: string[] = [];
let readCount = 0;

parentPort?.postMessage("started");
while (reader.lastBeatAt() === 0) {
  for (const { lease, claimedAt, renewUntil } of reader.held()) {
    if (readCount++ === 0) parentPort?.postMessage("has read");
    const parts = [lease.taskId.slice("task-".length), lease.fence, lease.attempt, renewUntil];
    if (parts.some((part) => String(part) !== String(claimedAt))) torn.push(parts.join());
  }
}
parentPort?.postMessage({ torn });
