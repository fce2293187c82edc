/** The part of the Store seam that knows who works. */
import type { Worker } from "../../gen/agentlane/v1/operations_service_pb.js";
import type { Instance } from "../../gen/agentlane/v1/session_pb.js";
import type { Page, PageRequest } from "./contract.ts";

/** The registry of live workers and what they hold. Entries vanish when not reported for `ttlMs`. */
export interface WorkerStore {
  /** Reports closer together are not worth their price; 0 where a report costs nothing. */
  readonly minReportIntervalMs: number;
  /**
   * `known` is false when the store did not know the worker, or no longer: its next report carries
   * all its instances.
   */
  report(report: WorkerReport): Promise<{ known: boolean }>;
  /** Removes the worker and its instances. */
  remove(workerId: string): Promise<void>;
  /** By id. */
  list(): Promise<Worker[]>;
  /** By session key. */
  instances(
    tenant: string,
    filter: { agentId?: string; workerId?: string; sessionKey?: string },
    page: PageRequest,
  ): Promise<Page<Instance> & { totalCount: number }>;
}

export interface WorkerReport {
  readonly worker: Worker;
  readonly ttlMs: number;
  /** Instances that are new or changed since the last report, by tenant. */
  readonly changed: readonly { readonly tenant: string; readonly instance: Instance }[];
  /** Instances that are gone since the last report. */
  readonly removed: readonly { readonly tenant: string; readonly sessionKey: string }[];
}
