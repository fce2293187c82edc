/**
 * Every periodic repair and its interval, in one list. Each process runs all of them: whatever a
 * crash or a lost message left behind is found here. No hidden timers elsewhere.
 */
import { AttemptOutcome, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import type { Clock, Random, Timer } from "../clock.ts";
import { AgentlaneError, isKind } from "../errors.ts";
import { type Service, service } from "../lifecycle.ts";
import type { MessageQueue } from "../queue/contract.ts";
import type { Effects, Ending, ExpiredLease, Store, SweepOptions } from "../store/contract.ts";
import { traceIdsOf } from "../telemetry/propagation.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { JournalEntry } from "./journal.ts";
import { endingAfterFailure, reasonOf } from "./retry.ts";
import { toTaskError } from "./task-error.ts";

export interface Chore {
  readonly name: string;
  readonly intervalMs: number;
  /** Whether it also runs when something is known to become due. Default false. */
  readonly followsDue?: boolean;
  /**
   * Whether it lets everything else that waited go first when it is late, as after a blocked event
   * loop. Default false.
   */
  readonly yieldsWhenLate?: boolean;
  /**
   * Whether its first run is at once, for what the processes before this one left behind, and not at
   * a random point of its interval. Default false.
   */
  readonly runsAtStart?: boolean;
  run(): Promise<void>;
}

export interface SweeperParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly chores: readonly Chore[];
  readonly onFailure: (chore: string, error: unknown) => void;
}

export interface Sweeper extends Service {
  /** Runs all chores soon after `inMs`, for work that is known to become due. */
  dueIn(inMs: number): void;
}

export function createSweeper(parts: SweeperParts): Sweeper {
  const lines = parts.chores.map((chore) => choreLine(chore, parts));
  const life = service(
    async () => {
      for (const line of lines) line.open();
    },
    async () => {
      await Promise.all(lines.map((line) => line.close()));
    },
  );
  return {
    ...life,
    dueIn(inMs) {
      for (const line of lines) line.dueIn(inMs);
    },
  };
}

/** Between two runs, however often something is due. */
const MIN_GAP_MS = 10;
/** Far less than a lease has left when it should have been renewed … */
const LATE_MS = 100;
/** … and time for the renewals that waited as long. */
const YIELD_MS = 200;

/** One chore's timer: never two runs at once, ±10 % jitter so that processes spread out. */
function choreLine(chore: Chore, { clock, random, onFailure }: SweeperParts) {
  let isOpen = false;
  let hasYielded = false;
  let timer: Timer | undefined;
  let plannedAt = Number.POSITIVE_INFINITY;
  let running: Promise<void> | undefined;
  /** The earliest instant that something is due, as heard since the last run began. */
  let dueAt = Number.POSITIVE_INFINITY;

  function plan(inMs: number): void {
    if (!isOpen) return;
    const at = clock.monotonic() + inMs;
    if (at >= plannedAt) return;
    timer?.clear();
    plannedAt = at;
    timer = clock.setTimer(inMs, () => {
      plannedAt = Number.POSITIVE_INFINITY;
      const isLate = clock.monotonic() - at >= LATE_MS;
      // Only once in a row: a machine that is always late must not keep it from running.
      hasYielded = isLate && !hasYielded && chore.yieldsWhenLate === true;
      if (hasYielded) {
        plan(YIELD_MS);
        return;
      }
      dueAt = Number.POSITIVE_INFINITY;
      running = runOnce();
    });
  }

  async function runOnce(): Promise<void> {
    try {
      await chore.run();
    } catch (error) {
      onFailure(chore.name, error);
    }
    running = undefined;
    const regularMs = chore.intervalMs * (0.9 + 0.2 * random());
    plan(Math.min(regularMs, Math.max(MIN_GAP_MS, dueAt - clock.monotonic())));
  }

  return {
    open() {
      isOpen = true;
      if (chore.runsAtStart) running = runOnce();
      else plan(chore.intervalMs * random());
    },
    dueIn(inMs: number) {
      if (!chore.followsDue) return;
      dueAt = Math.min(dueAt, clock.monotonic() + inMs);
      if (!running) plan(inMs);
    },
    async close() {
      isOpen = false;
      timer?.clear();
      plannedAt = Number.POSITIVE_INFINITY;
      await running;
    },
  };
}

export interface RepairParts {
  readonly store: Store;
  readonly queue: MessageQueue;
  readonly dispatcher: Dispatcher;
  readonly random: Random;
  /** Of the workers: for so long nobody has worked on a task whose lease has ended. */
  readonly leaseMs: number;
  readonly sweepIntervalMs: number;
  readonly reconcileIntervalMs: number;
  readonly sweep: SweepOptions;
}

/** The repairs of tasks. */
export function repairChores(parts: RepairParts): Chore[] {
  return [
    {
      name: "sweep",
      intervalMs: parts.sweepIntervalMs,
      followsDue: true,
      runsAtStart: true,
      run: () => sweepStore(parts),
    },
    {
      name: "expire-leases",
      intervalMs: parts.sweepIntervalMs,
      // A loop that was blocked has kept this process's own renewals waiting too.
      yieldsWhenLate: true,
      runsAtStart: true,
      run: () => expireLeases(parts),
    },
    { name: "reconcile", intervalMs: parts.reconcileIntervalMs, run: reconciler(parts) },
  ];
}

async function sweepStore({ store, dispatcher, sweep }: RepairParts): Promise<void> {
  for (;;) {
    const { sweptCount, effects } = await store.tasks.sweep(sweep);
    await dispatcher.dispatch(effects);
    if (sweptCount < sweep.limit) return;
  }
}

async function expireLeases(parts: RepairParts): Promise<void> {
  const { store, dispatcher, sweep } = parts;
  for (;;) {
    const expired = await store.tasks.expired(sweep.limit);
    let endedCount = 0;
    // A worker that dies leaves as many as it had slots: one after the other, the last would wait.
    const ends = await Promise.allSettled(
      expired.map(async (each) => {
        const ended = await endExpired(parts, each);
        if (!ended) return;
        endedCount++;
        dispatcher.journal.changed(entryOf(each, ended));
        await dispatcher.dispatch(ended.effects);
      }),
    );
    for (const end of ends) if (end.status === "rejected") throw end.reason;
    // An answer that is shorter than asked may have been cut; what others end is theirs to go on with.
    if (endedCount === 0) return;
  }
}

interface Ended {
  readonly ending: Ending;
  readonly state: TaskState;
  readonly effects: Effects;
}

/** Undefined when the worker, or another sweeper, was faster. */
async function endExpired(
  { store, random, leaseMs }: RepairParts,
  { lease, record }: ExpiredLease,
): Promise<Ended | undefined> {
  const afterSequence = record.task?.lastSequence ?? 0;
  const ending = endingOfExpired(record, random, leaseMs);
  try {
    const finish = { afterSequence, events: [], ending, ifExpired: true };
    const { state, effects } = await store.tasks.finish(lease, finish);
    return { ending, state, effects };
  } catch (error) {
    if (isKind(error, "lease_lost")) return undefined;
    throw error;
  }
}

function entryOf({ lease, record }: ExpiredLease, { ending, state }: Ended): JournalEntry {
  const { tenant, taskId, attempt } = lease;
  const reason = state === TaskState.CANCELED ? "CANCELED" : reasonOf(ending);
  return {
    ...{ tenant, taskId, attempt, agentId: record.task?.agentId ?? "" },
    ...{ previous: TaskState.RUNNING, state, reason, outcome: AttemptOutcome.LEASE_EXPIRED },
    ...traceIdsOf(record.traceHeaders),
  };
}

function endingOfExpired(record: ExpiredLease["record"], random: Random, waitedMs: number): Ending {
  if (record.task?.cancelRequestedAt) {
    const error = new AgentlaneError("canceled", "CANCELED", record.cancelReason || "canceled");
    return { state: TaskState.CANCELED, error: toTaskError(error), leaseExpired: true };
  }
  const error = new AgentlaneError(
    "unavailable",
    "LEASE_EXPIRED",
    "the worker stopped renewing its lease: it crashed, or lost its connection to the store",
  );
  return endingAfterFailure(record, toTaskError(error), random, { leaseExpired: true, waitedMs });
}

/** Runs of a deficit so small that workers may have it in hand, before it is believed: a minute. */
const MAX_DOUBTS = 12;
/** Doorbells that may ring twice without anybody minding. */
const CHEAP_COUNT = 100;

/**
 * A broker that lost messages (flushed, rebuilt) holds fewer than the store says are ready. So does
 * one that does not tell what other processes have in hand, and to ring for everything would double
 * a backlog. What their slots can explain is rung for at once where that costs little, and else only
 * if it stays.
 */
function reconciler({ store, queue, dispatcher, sweep }: RepairParts): () => Promise<void> {
  /** Runs in a row with a small deficit, by queue. */
  const doubts = new Map<string, number>();

  async function isBelieved(name: string, deficit: number, pendingCount: number): Promise<boolean> {
    const workers = await store.workers.list();
    const mine = workers.filter(({ queues }) => queues.includes(name));
    const slotCount = mine.reduce((sum, { slots }) => sum + slots, 0);
    const doubtCount = (doubts.get(name) ?? 0) + 1;
    const neededCount = Math.min(MAX_DOUBTS, Math.ceil(pendingCount / CHEAP_COUNT));
    if (deficit > slotCount || doubtCount >= neededCount) return true;
    doubts.set(name, doubtCount);
    return false;
  }

  async function ring(name: string): Promise<void> {
    let after = "";
    for (;;) {
      const doorbells = await store.tasks.ready(name, after, sweep.limit);
      await dispatcher.dispatch({ doorbells, notices: [] });
      if (doorbells.length < sweep.limit) return;
      after = doorbells.at(-1)?.taskId ?? "";
    }
  }

  return async () => {
    for (const name of await store.log.queues()) {
      const [{ readyCount }, depth] = await Promise.all([
        store.log.figures(name),
        queue.depth(name),
      ]);
      const { pendingCount, unsettledCount } = depth;
      const deficit = readyCount - pendingCount - unsettledCount;
      if (deficit > 0 && !(await isBelieved(name, deficit, pendingCount))) continue;
      doubts.delete(name);
      if (deficit > 0) await ring(name);
    }
  };
}
