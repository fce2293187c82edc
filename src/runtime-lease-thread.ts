/** The program of the lease thread: a store of its own, and renewals while the main event loop is blocked. */
import { parentPort, workerData } from "node:worker_threads";
import { monotonicOrigin, systemClock, systemRandom } from "./clock.ts";
import { inOrder } from "./lifecycle.ts";
import { redisConnections, type StoreConfig, storeOf } from "./runtime-store.ts";
import { createLeaseRenewer } from "./worker/lease-renewer.ts";
import { readLeaseTable } from "./worker/lease-table.ts";
import type { LeaseThreadData, LeaseThreadMessage } from "./worker/lease-thread.ts";

function tell(message: LeaseThreadMessage): void {
  parentPort?.postMessage(message);
}

const data: LeaseThreadData<StoreConfig> = workerData;
const shiftMs = monotonicOrigin() - data.origin;

const surroundings = {
  clock: systemClock,
  random: systemRandom,
  // The main thread has found the same and told it.
  onWarning: () => undefined,
};
const { store: backend, queue } = data.store;
/** It has one call at a time. */
const postgres = { ...backend.postgres, poolSize: 1 };
const store = storeOf(
  { queue, store: { ...backend, postgres } },
  {
    ...surroundings,
    connectionTo: redisConnections(data.store, surroundings),
  },
);
const parts = inOrder([
  store,
  createLeaseRenewer({
    ...data,
    store,
    table: readLeaseTable(data.memory),
    clock: { ...systemClock, monotonic: () => systemClock.monotonic() + shiftMs },
    onFailure(error) {
      tell({ kind: "problem", message: String(error) });
    },
  }),
]);

parentPort?.once("message", async () => {
  await parts.stop();
  parentPort?.close();
});
await parts.start();
tell({ kind: "ready" });
