/**
 * `npm run test:attacks`: every attack against a real server, with its measured effect. Memory, survival
 * and what an attack was let do are held to their bounds on any machine; latencies where the machine is
 * not busy with something else.
 */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { hasRabbit, startRabbit } from "../harness/rabbitmq-server.ts";
import { hasRedis, startRedis } from "../harness/redis-server.ts";
import type { Attack } from "./attack.ts";
import { type BrokerUrls, type Group, groupsOf } from "./catalog.ts";
import { startCrew } from "./crew.ts";
import { type Measure, measure, mib, type Row, type Scene } from "./measure.ts";
import { startTarget } from "./target.ts";

/** More than this left behind, and the next attack gets a new server: of less than it may take. */
const MAX_LEFT_BYTES = 40 * 1024 * 1024;

const { values: flags } = parseArgs({
  options: {
    short: { type: "boolean", default: false },
    long: { type: "boolean", default: false },
    only: { type: "string", default: "" },
  },
});
const FORMS: Readonly<Record<"short" | "plain" | "long", Measure>> = {
  short: { quietMs: 120, attackedMs: 350, spanCount: 2, mostSpanCount: 6 },
  plain: { quietMs: 250, attackedMs: 500, spanCount: 3, mostSpanCount: 9 },
  long: { quietMs: 600, attackedMs: 2000, spanCount: 5, mostSpanCount: 9 },
};
const form = flags.short ? "short" : flags.long ? "long" : "plain";

const startedAt = performance.now();
const rows: Row[] = [];
let addressCount = 0;
/** For attacks that cannot be judged at once, the machine being busy. */
const patience = { leftMs: 30_000 };
const stops: (() => Promise<void>)[] = [];
const urls = await startBrokers();
const crew = await startCrew(urls);
for (const group of groupsOf(urls)) {
  const chosen = group.attacks.filter(
    ({ name, isVariant }) => name.includes(flags.only) && !(flags.short && isVariant),
  );
  if (chosen.length > 0) await attackAll(group, chosen);
}
await crew.stop();
for (const stop of stops) await stop();
report();

/** RabbitMQ takes longer to start than the short form may. */
async function startBrokers(): Promise<BrokerUrls> {
  if (!hasRedis) return {};
  const redis = await startRedis();
  stops.push(() => redis.stop());
  if (flags.short || !hasRabbit) return { redis: redis.url };
  const rabbit = await startRabbit();
  stops.push(() => rabbit.stop());
  return { redis: redis.url, rabbit: rabbit.url };
}

/** One server for all, a new one after each that it did not survive or that left it large. */
async function attackAll(group: Group, attacks: readonly Attack[]): Promise<void> {
  let scene: Scene | undefined;
  const renew = async (): Promise<Scene> => {
    await scene?.target.stop();
    scene = await begin(group);
    return scene;
  };
  for (const attack of attacks) {
    let at = scene ?? (await renew());
    let row = await measure(at, group.name, attack, nextAddress(), FORMS[form]);
    if (row.problems.length > 0) {
      console.log(`again: ${lineOf(row)}`);
      at = await renew();
      // On a new server, and longer: what was only a bad moment is no finding.
      const longer = FORMS[form === "long" ? "long" : "plain"];
      row = await measure(at, group.name, attack, nextAddress(), longer);
    }
    rows.push(row);
    console.log(lineOf(row));
    if (at.target.isAlive && at.target.memory() - at.baseRss < MAX_LEFT_BYTES) continue;
    await at.target.stop();
    scene = undefined;
  }
  await scene?.target.stop();
}

/** Innocent clients have 127.0.0.1. */
function nextAddress(): string {
  addressCount++;
  return `127.0.${1 + Math.floor(addressCount / 250)}.${1 + (addressCount % 250)}`;
}

async function begin({ environment }: Group): Promise<Scene> {
  const target = await startTarget(environment);
  await crew.warmUp(target.url);
  return { target, crew, patience, baseRss: target.memory(), base: [] };
}

function report(): void {
  const failed = rows.filter(({ problems }) => problems.length > 0);
  const unjudged = rows.filter(
    ({ latency, problems }) => latency.verdict === "not judged" && problems.length === 0,
  );
  const passedCount = rows.length - failed.length - unjudged.length;
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  console.log(
    `\n${form} form, ${cpus().length} cores, Node ${process.version}, ${new Date().toISOString()}, ${seconds} s`,
  );
  if (unjudged.length > 0) {
    console.log(
      `neither passed nor failed: ${unjudged.length} of ${rows.length} kept all bounds but that of latency, which cannot be judged while the machine is busy with something else`,
    );
  }
  for (const { name, problems } of failed) console.log(`FAILED: ${name}: ${problems.join("; ")}`);
  console.log(`${passedCount} passed, ${failed.length} failed`);
  process.exit(failed.length > 0 ? 1 : 0);
}

function lineOf({ name, rssBytes, latency, isAlive, done, problems }: Row): string {
  const cells = [
    name,
    done,
    mib(rssBytes),
    latency.baseP99Ms.toFixed(1),
    latency.attackedP99Ms.toFixed(1),
    latency.verdict,
    isAlive ? "yes" : "NO",
    problems.length === 0 ? "ok" : `FAIL: ${problems.join("; ")}`,
  ];
  return `| ${cells.join(" | ")} |`;
}
