/** One run: load and faults, then peace, then judgement. */
import { setTimeout as after } from "node:timers/promises";
import type { Violation } from "../simulation/history-checker.ts";
import type { Caller } from "./calls.ts";
import { checkRecovery, checkRun, type ObservedRun } from "./check-run.ts";
import { checkTask, isOrdinary, type ObservedTask } from "./check-tasks.ts";
import { startCluster } from "./cluster.ts";
import { describeFigures } from "./figures.ts";
import { type FaultLog, identifyAll, startInjector } from "./injector.ts";
import { newLedger } from "./ledger.ts";
import { startLoad } from "./load.ts";
import { checkBlocks, readBlocks } from "./lost-attempts.ts";
import {
  inParallel,
  leftovers,
  readerOf,
  readLog,
  readSession,
  settle,
  viewsOf,
} from "./observe.ts";
import { seededRandom } from "./random.ts";
import type { FaultSettings } from "./settings.ts";

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
/** For a log, a session, or lists that are empty; a run that cannot be read must say so. */
const READ_BOUND_MS = 60_000;
/** Lists of a hundred thousand tasks are read by pages, from each gateway. */
const READ_TASK_MS = 5;
/** Calls of clients that have no answer so long after the last fault have none. */
const ANSWERS_BOUND_MS = 120_000;
const VIEWS_BOUND_MS = 20_000;
const PROGRESS_MS = 60_000;

export async function runFaults(settings: FaultSettings): Promise<RunReport> {
  const cluster = await startCluster(settings);
  const ending = new AbortController();
  const ledger = newLedger();
  const random = seededRandom(settings.seed, "clients");
  const signal = AbortSignal.any([ending.signal, settings.signal]);
  const caller: Caller = { cluster, ledger, random, signal };
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
      ...checkRecovery(run.tasks, faults),
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
  try {
    await loadFor(settings, caller.ledger);
    await within(COVER_BOUND_MS, injector.covered, settings.signal);
  } finally {
    // Whatever is broken is mended before its processes end.
    await injector.stop();
  }
  if (!(await within(ANSWERS_BOUND_MS, load.stop(), settings.signal))) {
    const { problems, lastRepeat } = caller.ledger;
    problems.push(`calls had no answer but "${lastRepeat}" for ${ANSWERS_BOUND_MS} ms`);
  }
  return injector.stop();
}

/** Whether it came to its end in time. Rejects when the run is to end. */
async function within(
  limitMs: number,
  waited: Promise<void>,
  signal: AbortSignal,
): Promise<boolean> {
  const over = new AbortController();
  const limit = after(limitMs, false, { signal: AbortSignal.any([signal, over.signal]) });
  try {
    return await Promise.race([waited.then(() => true), limit]);
  } finally {
    over.abort();
    limit.catch(() => undefined);
  }
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
  const { read } = readerOf(caller);
  const listsMs = READ_BOUND_MS + READ_TASK_MS * ledger.submissions.length;
  const views =
    (await read("what the gateways show", listsMs, (each) => viewsOf(each, VIEWS_BOUND_MS))) ?? [];
  const tasks = observedTasks(ledger, views[0]);
  const chance = seededRandom(settings.seed, "logs");
  const taskViolations = await inParallel(tasks, READ_COUNT, async (observed) => {
    const isRead = !isOrdinary(observed) || chance() < settings.ordinaryLogShare;
    if (!isRead) return checkTask(observed, undefined);
    const { taskId } = observed.task;
    const log = await read(`the log of ${taskId}`, READ_BOUND_MS, (each) => readLog(each, taskId));
    return log ? checkTask(observed, log) : [];
  });
  const sessionIds = [...new Set(tasks.map(({ task }) => task.sessionId))].filter(Boolean);
  const sessions = await inParallel(sessionIds, READ_COUNT, async (sessionId) => {
    const session = await read(`session ${sessionId}`, READ_BOUND_MS, (each) =>
      readSession(each, sessionId),
    );
    return session ? [[sessionId, session] as const] : [];
  });
  return {
    ledger,
    views,
    settledAfterMs,
    tasks,
    taskViolations: taskViolations.flat(),
    sessions: new Map(sessions.flat()),
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
