import { RETRY_AFTER_MS } from "./behaviours.ts";
import type { HistoryLimits } from "./history.ts";

export const LIMITED_TENANT = "blue";

/** The simulated installation. Retention is short, so that runs see it pass. */
export const SETTINGS = {
  sweepIntervalMs: 1000,
  reconcileIntervalMs: 5000,
  sweep: {
    limit: 5,
    unpublishedAfterMs: 5000,
    logRetentionMs: 60_000,
    taskRetentionMs: 120_000,
    deadLetterRetentionMs: 180_000,
    sessionRetentionMs: 86_400_000,
  },
  admission: { maxQueueSize: 6, attemptTimeoutMs: 20_000, idempotencyMs: 90_000 },
  /** Of two tenants one has limits, which the history must not show but by waits. */
  policy: {
    ruleOf: (tenant: string) =>
      tenant === LIMITED_TENANT ? { weight: 1, maxRunningTasks: 1 } : undefined,
  },
  maxWatchers: 5,
  worker: {
    leaseMs: 15_000,
    leaseRenewIntervalMs: 5000,
    cancelGraceMs: 5000,
    logLimits: { maxEvents: 1000, maxBytes: 1_000_000 },
    instanceTimeoutMs: 30_000,
    maxInstances: 2,
  },
  backoff: { initialMs: 1000, multiplier: 2, maxMs: 3000 },
} as const;

export const LIMITS: HistoryLimits = {
  maxQueueSize: SETTINGS.admission.maxQueueSize,
  idempotencyMs: SETTINGS.admission.idempotencyMs,
  logRetentionMs: SETTINGS.sweep.logRetentionMs,
  taskRetentionMs: SETTINGS.sweep.taskRetentionMs,
  deadLetterRetentionMs: SETTINGS.sweep.deadLetterRetentionMs,
  backoff: SETTINGS.backoff,
  maxRunningTasks: { [LIMITED_TENANT]: 1 },
  retryAfterMs: { MODEL_RATE_LIMITED: RETRY_AFTER_MS },
  abortBoundMs: SETTINGS.worker.leaseMs + SETTINGS.worker.leaseRenewIntervalMs + 1000,
  cancelBoundMs: SETTINGS.worker.leaseMs + SETTINGS.worker.cancelGraceMs + 5000,
};
