/**
 * `npm run test:attacks`: every attack against a real server, with its measured effect. The clients that
 * are innocent have a process of their own. Phases with and without the attack alternate, and the best of
 * each are compared, so that the machine's other load does not count.
 */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { hasRabbit, startRabbit } from "../harness/rabbitmq-server.ts";
import { hasRedis, startRedis } from "../harness/redis-server.ts";
import type { Attack } from "./attack.ts";
import { BOMBS } from "./bombs.ts";
import { rabbitAttacks, redisAttacks } from "./brokers.ts";
import { FLOODS } from "./floods.ts";
import { INJECTIONS } from "./injection.ts";
import { SLOW } from "./slow.ts";
import { type Figures, startTarget, type Target } from "./target.ts";

const MIB = 1024 * 1024;
/** Of an attacking connection, above what the server takes without it. */
const MAX_RSS_BYTES = 64 * MIB;
/** Of all attacking connections together. */
const MAX_TOTAL_RSS_BYTES = 256 * MIB;
/** Innocents' p99 may double; below this it may do what it likes, on a shared machine. */
const FLOOR_MS = 50;
const MAX_FACTOR = 2;

const { values: flags } = parseArgs({
  options: {
    long: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    "phase-ms": { type: "string" },
    phases: { type: "string" },
  },
});
const phaseMs = Number(flags["phase-ms"] ?? (flags.long ? 3000 : 400));
const phaseCount = Number(flags.phases ?? (flags.long ? 3 : 1));

interface Row {
  readonly name: string;
  readonly rssBytes: number;
  readonly baseP99Ms: number;
  readonly attackedP99Ms: number;
  readonly isAlive: boolean;
  readonly done: string;
  readonly problems: readonly string[];
}

interface Group {
  readonly attacks: readonly Attack[];
  readonly environment?: Record<string, string>;
}

const rows: Row[] = [];
const stops: (() => Promise<void>)[] = [];
for (const { attacks, environment } of await groups()) {
  const chosen = attacks.filter(({ name }) => name.includes(flags.only));
  if (chosen.length > 0) await attackAll(chosen, environment ?? {});
}
for (const stop of stops) await stop();
report();

async function groups(): Promise<Group[]> {
  const all: Group[] = [
    { attacks: BOMBS },
    { attacks: FLOODS },
    { attacks: SLOW },
    { attacks: INJECTIONS, environment: { LOG_LEVEL: "debug" } },
  ];
  if (!hasRedis) return all;
  const redis = await startRedis();
  stops.push(() => redis.stop());
  const environment = { MESSAGE_QUEUE_TYPE: "redis", REDIS_URL: redis.url, LOG_LEVEL: "debug" };
  all.push({ attacks: [...redisAttacks(redis.url), ...INJECTIONS], environment });
  if (!flags.long || !hasRabbit) return all;
  const rabbit = await startRabbit();
  stops.push(() => rabbit.stop());
  const queue = { MESSAGE_QUEUE_TYPE: "rabbitmq", RABBITMQ_URL: rabbit.url, STORE_URL: redis.url };
  const separate = { REDIS_KEY_PREFIX: "rabbit", LOG_LEVEL: "debug" };
  all.push({ attacks: rabbitAttacks(rabbit.url), environment: { ...queue, ...separate } });
  return all;
}

/** One server for all, a new one after each that it did not survive or that left it large. */
async function attackAll(attacks: readonly Attack[], environment: Record<string, string>) {
  let target = await started(environment);
  for (const attack of attacks) {
    let row = await measure(target, attack, phaseMs, phaseCount);
    if (row.problems.length > 0) {
      await target.stop();
      target = await started(environment);
      // Once more, and longer: a machine that was busy elsewhere is no finding.
      row = await measure(target, attack, 3 * phaseMs, Math.max(3, phaseCount));
    }
    rows.push(row);
    console.log(lineOf(row));
    if (row.isAlive && row.rssBytes < 24 * MIB) continue;
    await target.stop();
    target = await started(environment);
  }
  await target.stop();
}

async function started(environment: Record<string, string>): Promise<Target> {
  const target = await startTarget(environment);
  // Code that runs for the first time is slow, and takes memory that stays.
  await target.measure(1000);
  return target;
}

async function measure(target: Target, attack: Attack, ms: number, count: number): Promise<Row> {
  const quiet: Figures[] = [];
  const attacked: Figures[] = [];
  const problems: string[] = [];
  let done = "";
  let baseRss = 0;
  let attackedRss = 0;
  attack.prepare?.();
  for (let phase = 0; phase < count && target.isAlive; phase++) {
    const idle = target.watchMemory();
    quiet.push(await target.measure(ms));
    // Of the first: what an attack has left behind is no base.
    const idleRss = idle.stop();
    if (phase === 0) baseRss = idleRss;
    const memory = target.watchMemory();
    const signal = AbortSignal.timeout(ms);
    const measured = target.measure(ms);
    done = await attack.run(target, signal).catch((error: unknown) => {
      problems.push(error instanceof Error ? error.message : String(error));
      return "";
    });
    attacked.push(await measured);
    attackedRss = Math.max(attackedRss, memory.stop());
  }
  const rssBytes = attackedRss - baseRss;
  const baseP99Ms = least(quiet.map(({ p99Ms }) => p99Ms));
  const attackedP99Ms = least(attacked.map(({ p99Ms }) => p99Ms));
  const failures = attacked.reduce((sum, { failureCount }) => sum + failureCount, 0);
  const allowed = Math.min(MAX_RSS_BYTES * attack.connectionCount, MAX_TOTAL_RSS_BYTES);
  if (rssBytes > allowed) problems.push(`${mib(rssBytes)} MiB above base, ${mib(allowed)} allowed`);
  if (attackedP99Ms > Math.max(FLOOR_MS, MAX_FACTOR * baseP99Ms)) {
    problems.push(`p99 ${ms1(attackedP99Ms)} ms, ${ms1(baseP99Ms)} ms without`);
  }
  if (failures > 0) problems.push(`${failures} innocent calls failed`);
  if (!target.isAlive) problems.push("the process is dead");
  const { name } = attack;
  return { name, rssBytes, baseP99Ms, attackedP99Ms, isAlive: target.isAlive, done, problems };
}

function report(): void {
  const failed = rows.filter(({ problems }) => problems.length > 0);
  console.log(
    `\n${cpus().length} cores, Node ${process.version}, ${new Date().toISOString()}, phases ${phaseCount} × ${phaseMs} ms`,
  );
  console.log(`${rows.length - failed.length} passed, ${failed.length} failed`);
  process.exit(failed.length > 0 ? 1 : 0);
}

function lineOf({
  name,
  rssBytes,
  baseP99Ms,
  attackedP99Ms,
  isAlive,
  done,
  problems,
}: Row): string {
  const cells = [
    name,
    done,
    `${mib(Math.max(0, rssBytes))}`,
    ms1(baseP99Ms),
    ms1(attackedP99Ms),
    isAlive ? "yes" : "NO",
    problems.length === 0 ? "ok" : `FAIL: ${problems.join("; ")}`,
  ];
  return `| ${cells.join(" | ")} |`;
}

/** The phase in which the machine was least busy with something else; an attack that works hurts in all. */
function least(numbers: readonly number[]): number {
  return Math.min(...numbers);
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(0);
}

function ms1(value: number): string {
  return value.toFixed(1);
}
