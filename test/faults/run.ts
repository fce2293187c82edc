/** One run: load and faults, then peace, then judgement. */
import { setTimeout as after } from "node:timers/promises";
import type { Violation } from "../simulation/history-checker.ts";
import type { Caller } from "./calls.ts";
import { checkRun, type ObservedRun } from "./check-run.ts";
import { checkTask, isOrdinary, type ObservedTask } from "./check-tasks.ts";
import { startCluster } from "./cluster.ts";
import { describeFigures, recoveryOf } from "./figures.ts";
import { type FaultLog, identifyAll, startInjector } from "./injector.ts";
import { newLedger } from "./ledger.ts";
import { startLoad } from "./load.ts";
import { checkBlocks, readBlocks } from "./lost-attempts.ts";
import { inParallel, leftovers, readLog, readSession, settle, viewsOf } from "./observe.ts";
import { seededRandom } from "./random.ts";
import { CONSUMERS_RESUME_MS, type FaultSettings } from "./settings.ts";

export interface RunReport {
  readonly figures: readonly string[];
  readonly violations: readonly Violation[];
  readonly taskCount: number;
  readonly faults: FaultLog;
}

/** A slow machine gets so much more time until each fault has happened once. */
const COVER_BOUND_MS = 180_000;
/** Logs and sessions read at once, for the checker. */
const READ_COUNT = 32;
const VIEWS_BOUND_MS = 20_000;
const PROGRESS_MS = 60_000;

export async function runFaults(settings: FaultSettings): Promise<RunReport> {
  const cluster = await startCluster(settings);
  const ending = new AbortController();
  const ledger = newLedger();
  const random = seededRandom(settings.seed, "clients");
  const caller: Caller = { cluster, ledger, random, signal: ending.signal };
  try {
    await identifyAll(caller, cluster);
    settings.print("all processes run");
    const startedAt = performance.now();
    const faults = await breakThings(caller, settings);
    const loadMs = performance.now() - startedAt;
    settings.print("faults have stopped");
    const run = await observe(caller, settings);
    const violations = [
      ...checkRun(run),
      ...checkRecovery(run, faults),
      ...checkBlocks(run.tasks, await readBlocks(faults), faults),
    ];
    const errors = cluster.errors();
    const figures = describeFigures({ ...run, faults, violations, loadMs, errors });
    return { figures, violations, taskCount: run.tasks.length, faults };
  } finally {
    ending.abort();
    await cluster.stop();
  }
}

async function breakThings(caller: Caller, settings: FaultSettings): Promise<FaultLog> {
  const load = startLoad({ ...settings, ...caller });
  const injector = startInjector({ ...caller, load, settings });
  await loadFor(settings, caller.ledger);
  const waited = new AbortController();
  const late = after(COVER_BOUND_MS, undefined, { signal: waited.signal }).catch(() => undefined);
  await Promise.race([injector.covered, late]);
  waited.abort();
  const faults = await injector.stop();
  await load.stop();
  return faults;
}

/** Until its time is over, telling now and then how far it is. */
async function loadFor(
  { loadMs, signal, print }: FaultSettings,
  { submissions }: Caller["ledger"],
): Promise<void> {
  for (let leftMs = loadMs; leftMs > 0; leftMs -= PROGRESS_MS) {
    await after(Math.min(leftMs, PROGRESS_MS), undefined, { signal });
    if (leftMs > PROGRESS_MS) print(`${submissions.length} tasks so far`);
  }
}

async function observe(caller: Caller, settings: FaultSettings): Promise<ObservedRun> {
  const { cluster, ledger } = caller;
  const settledAfterMs = await settle(caller, settings.settleMs);
  settings.print("everything has settled");
  const left = await leftovers(caller, VIEWS_BOUND_MS);
  const views = await viewsOf(caller, VIEWS_BOUND_MS);
  const tasks = observedTasks(ledger, views[0]);
  const chance = seededRandom(settings.seed, "logs");
  const taskViolations = await inParallel(tasks, READ_COUNT, async (observed) => {
    const isRead = !isOrdinary(observed) || chance() < settings.ordinaryLogShare;
    return checkTask(observed, isRead ? await readLog(caller, observed.task.taskId) : undefined);
  });
  const sessionIds = [...new Set(tasks.map(({ task }) => task.sessionId))].filter(Boolean);
  const sessions = await inParallel(sessionIds, READ_COUNT, async (sessionId) => {
    return [sessionId, await readSession(caller, sessionId)] as const;
  });
  return {
    ledger,
    views,
    settledAfterMs,
    tasks,
    taskViolations: taskViolations.flat(),
    sessions: new Map(sessions),
    leftovers: left,
    crashes: cluster.crashes,
  };
}

function observedTasks(
  { submissions }: ObservedRun["ledger"],
  view: ObservedRun["views"][number] | undefined,
): ObservedTask[] {
  const listed = new Map((view?.tasks ?? []).map((task) => [task.taskId, task]));
  const dead = new Set(view?.deadLetters.map(({ taskId }) => taskId));
  return submissions.flatMap((submission) => {
    const [taskId = ""] = submission.taskIds;
    const task = listed.get(taskId);
    return task ? [{ submission, task, isDeadLetter: dead.has(taskId) }] : [];
  });
}

/** Consumers that have survived an outage of the backend take tasks again soon after it. */
function checkRecovery({ tasks }: ObservedRun, faults: FaultLog): Violation[] {
  return recoveryOf(tasks, faults)
    .consumersMs.filter((ms) => ms > CONSUMERS_RESUME_MS)
    .map((ms) => ({ invariant: 0, at: 0, message: `a worker claimed ${ms} ms after an outage` }));
}
