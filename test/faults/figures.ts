/** What a run was and what it cost, in figures. */
import { AttemptOutcome, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import type { Violation } from "../simulation/history-checker.ts";
import { millisecondsOf, type ObservedTask } from "./check-tasks.ts";
import type { FaultLog } from "./injector.ts";
import type { Ledger } from "./ledger.ts";
import { unexplainedLosses } from "./lost-attempts.ts";
import { CONSUMERS_RESUME_MS } from "./settings.ts";

/** Milliseconds from the fault to the end of its effect, each. */
export interface Recovery {
  /** Kill of a worker → its lease has been ended by another process. */
  readonly leasesMs: readonly number[];
  /** Kill of a worker → its turn runs again; what waits ahead of it in the queue counts too. */
  readonly restartsMs: readonly number[];
  /** Kill of a worker → next commit of a session whose turn it ran. */
  readonly sessionsMs: readonly number[];
  /**
   * The backend answers again → a worker that lived through it claims. Where the load ends soon after,
   * there may be nothing to claim: such outages are left out.
   */
  readonly consumersMs: readonly number[];
}

export function recoveryOf(tasks: readonly ObservedTask[], faults: FaultLog): Recovery {
  const broken = brokenTurns(tasks, faults);
  return {
    leasesMs: broken.map(({ killedAt, endedAt }) => endedAt - killedAt),
    restartsMs: broken.flatMap(({ killedAt, nextAt }) => (nextAt === 0 ? [] : nextAt - killedAt)),
    sessionsMs: broken.map(({ killedAt, committedAt }) => committedAt - killedAt),
    consumersMs: consumersMsOf(tasks, faults),
  };
}

/** Turns that ran on a worker when it was killed. */
function brokenTurns(tasks: readonly ObservedTask[], { kills }: FaultLog) {
  return tasks.flatMap(({ task }) =>
    task.attempts.flatMap(({ workerId, startedAt, finishedAt, outcome }, index) => {
      if (outcome !== AttemptOutcome.LEASE_EXPIRED) return [];
      const from = millisecondsOf(startedAt);
      const endedAt = millisecondsOf(finishedAt);
      const kill = kills.find((each) => {
        return each.workerId === workerId && each.at >= from && each.at <= endedAt;
      });
      const nextAt = millisecondsOf(task.attempts[index + 1]?.startedAt);
      const committedAt = millisecondsOf(task.finishedAt);
      const attemptCount = task.attempts.length - index - 1;
      return kill ? [{ killedAt: kill.at, endedAt, nextAt, committedAt, attemptCount }] : [];
    }),
  );
}

/** The slowest turns back to a commit, and what took so long. */
function slowest(tasks: readonly ObservedTask[], faults: FaultLog): string[] {
  return brokenTurns(tasks, faults)
    .sort((one, other) => other.committedAt - other.killedAt - (one.committedAt - one.killedAt))
    .slice(0, 3)
    .map(({ killedAt, endedAt, nextAt, committedAt, attemptCount }) => {
      const during = (at: number): boolean => at > killedAt && at < committedAt;
      const killCount = faults.kills.filter(({ at, role }) => role !== "gateway" && during(at));
      const awayMs = faults.outages
        .filter(({ from }) => during(from))
        .reduce((sum, { from, to }) => sum + to - from, 0);
      return `${seconds(committedAt - killedAt)}: lease ended after ${seconds(endedAt - killedAt)}, ran again after ${seconds(nextAt - killedAt)}, ${attemptCount} more attempts; ${killCount.length} more kills, backend away for ${seconds(awayMs)}`;
    });
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function consumersMsOf(tasks: readonly ObservedTask[], faults: FaultLog): number[] {
  const claims = new Map<string, number[]>();
  const hindered = [...faults.hindered];
  for (const { task } of tasks) {
    for (const { workerId, startedAt } of task.attempts) {
      const at = millisecondsOf(startedAt);
      const known = claims.get(workerId);
      if (known) known.push(at);
      else claims.set(workerId, [at]);
      if (task.agentId === "blocks") hindered.push({ workerId, from: at, to: at + BLOCKED_MS });
    }
  }
  return faults.outages.flatMap((outage) =>
    [...claims].flatMap(([workerId, at]) => {
      const end = outage.to + CONSUMERS_RESUME_MS;
      const isAway =
        (faults.endedAt !== undefined && end > faults.endedAt) ||
        faults.kills.some((kill) => kill.workerId === workerId && kill.at < end) ||
        hindered.some((each) => each.workerId === workerId && overlap(each, outage.from, end)) ||
        faults.outages.some((other) => other !== outage && overlap(other, outage.to, end));
      if (isAway || !at.some((each) => each < outage.from)) return [];
      const next = Math.min(...at.filter((each) => each > outage.to));
      return Number.isFinite(next) ? [next - outage.to] : [];
    }),
  );
}

/** No agent holds the loop for longer. */
const BLOCKED_MS = 25_000;

function overlap(one: { from: number; to: number }, from: number, to: number): boolean {
  return one.from < to && one.to > from;
}

const ascending = (one: number, other: number): number => one - other;

export interface RunFigures {
  readonly ledger: Ledger;
  readonly tasks: readonly ObservedTask[];
  readonly faults: FaultLog;
  readonly violations: readonly Violation[];
  readonly loadMs: number;
  readonly settledAfterMs: number | undefined;
  readonly errors: ReadonlyMap<string, number>;
}

export function describeFigures(figures: RunFigures): string[] {
  const { ledger, tasks, faults, violations, loadMs } = figures;
  const countOf = (invariant: number): number =>
    violations.filter((violation) => violation.invariant === invariant).length;
  const states = Map.groupBy(tasks, ({ task }) => TaskState[task.state]);
  const attempts = tasks.flatMap(({ task }) => task.attempts);
  const expired = attempts.filter(({ outcome }) => outcome === AttemptOutcome.LEASE_EXPIRED);
  const unexplained = unexplainedLosses(tasks, faults).length;
  const recovery = recoveryOf(tasks, faults);
  const perSecond = (tasks.length / (loadMs / 1000)).toFixed(0);
  return [
    `tasks            ${tasks.length} in ${(loadMs / 1000).toFixed(0)} s (${perSecond}/s): ${listOf(mapSizes(states))}`,
    `faults           ${listOf(faults.counts)}; ${faults.kills.length} processes killed`,
    `attempts         ${attempts.length}, of which ${expired.length} lost their worker, ${unexplained} of these without a fault`,
    `clients          ${ledger.repeatCount} calls repeated, ${ledger.reconnectCount} streams resumed elsewhere`,
    `refusals         ${quantiles(ledger.refusalsMs)} until UNAVAILABLE`,
    `settled          ${figures.settledAfterMs?.toFixed(0) ?? "never"} ms after the load`,
    `recovery         kill → lease ended: ${quantiles(recovery.leasesMs)}`,
    `                 kill → turn runs again: ${quantiles(recovery.restartsMs)}`,
    `                 kill → next commit of the session: ${quantiles(recovery.sessionsMs)}`,
    ...slowest(tasks, faults).map((line) => `  slow           ${line}`),
    `                 backend back → each worker claims: ${quantiles(recovery.consumersMs)}`,
    `lost             ${countOf(3) + countOf(1)}`,
    `duplicated ends  ${countOf(2)}`,
    `order violations ${countOf(6) + countOf(12)}`,
    `violations       ${violations.length}`,
    ...[...figures.errors].map(([line, count]) => `  logged ${count} × ${line}`),
    ...violations
      .slice(0, 40)
      .map(({ invariant, message }) => `  invariant ${invariant}: ${message}`),
  ];
}

function mapSizes(groups: ReadonlyMap<string, readonly unknown[]>): Map<string, number> {
  return new Map([...groups].map(([name, group]) => [name, group.length]));
}

function listOf(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([name, count]) => `${count} ${name}`).join(", ");
}

export function quantiles(values: readonly number[]): string {
  if (values.length === 0) return "none";
  const sorted = values.toSorted(ascending);
  const at = (share: number): string =>
    (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0).toFixed(0);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms (${sorted.length})`;
}
