/** The program of the lease thread: a store of its own, and renewals while the main event loop is blocked. */
import { parentPort, workerData } from "node:worker_threads";
import { monotonicOrigin, systemClock, systemRandom } from "./clock.ts";
import { inOrder } from "./lifecycle.ts";
import { redisConnections, type StoreConfig, storeOf } from "./runtime-store.ts";
import { createLeaseRenewer } from "./worker/lease-renewer.ts";
import { readLeaseTable } from "./worker/lease-table.ts";
import type { LeaseThreadData, LeaseThreadProblem } from "./worker/lease-thread.ts";

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
    connectionTo: redisConnections(surroundings),
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
      const problem: LeaseThreadProblem = { message: String(error) };
      parentPort?.postMessage(problem);
    },
  }),
]);

parentPort?.once("message", async () => {
  await parts.stop();
  parentPort?.close();
});
await parts.start();
