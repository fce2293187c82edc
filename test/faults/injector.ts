/** Breaks things, as a seed says, until it is stopped; then mends them all. */
import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import type { Caller } from "./calls.ts";
import { untilAnswered } from "./calls.ts";
import type { Cluster, Place } from "./cluster.ts";
import type { Submission } from "./ledger.ts";
import type { Load } from "./load.ts";
import { between, type SeededRandom, seededRandom } from "./random.ts";
import { type FaultSettings, KILL_KINDS, LEASE_MS } from "./settings.ts";

export interface FaultLog {
  readonly counts: Map<string, number>;
  readonly kills: Kill[];
  /** Times in which the backend answered nobody, or refused to write. */
  readonly outages: Outage[];
  /** Times in which one worker could not work, whatever the backend did. */
  readonly hindered: Hindrance[];
  /** Files that agents create when they begin to hold their event loop, and whose they are. */
  readonly markers: Map<string, Submission>;
  /** When the last fault was mended; clients ask for little after it. Undefined = faults go on. */
  endedAt: number | undefined;
}

export interface Kill {
  readonly at: number;
  readonly role: Place["role"];
  /** Undefined for gateways, and for workers that nobody had seen. */
  readonly workerId: string | undefined;
}

export interface Outage {
  readonly from: number;
  readonly to: number;
}

export interface Hindrance extends Outage {
  readonly workerId: string;
}

export interface Injector {
  /** Resolves when each kind has been injected once. */
  readonly covered: Promise<void>;
  /** Resolves when nothing is broken any more. */
  stop(): Promise<FaultLog>;
}

export interface InjectorParts extends Caller {
  readonly load: Load;
  readonly settings: FaultSettings;
}

type Inject = (scene: Scene) => Promise<void>;

interface Scene extends InjectorParts {
  readonly log: FaultLog;
  /** Of this run of faults, not of the clients. */
  readonly chance: SeededRandom;
}

/** What can happen to the processes of every backend. */
const INJECT: Readonly<Record<string, Inject>> = {
  "kill-server": (scene) => kill(scene, "server"),
  "kill-worker": (scene) => kill(scene, "worker"),
  "kill-gateway": (scene) => kill(scene, "gateway"),
  freeze,
  "block-short": (scene) => block(scene, 5000),
  "block-long": (scene) => block(scene, 20_000),
  "swallow-replies": swallowReplies,
  partition,
};

export function startInjector(parts: InjectorParts): Injector {
  const { settings, ledger } = parts;
  const stopping = new AbortController();
  const log: FaultLog = {
    counts: new Map(),
    kills: [],
    outages: [],
    hindered: [],
    markers: new Map(),
    endedAt: undefined,
  };
  const mending = new Set<Promise<void>>();
  const covered = Promise.withResolvers<void>();
  if (settings.kinds.length === 0) covered.resolve();

  /** Faults of different places overlap; a line of them is injected one after the other. */
  async function line(name: string, kinds: readonly string[], gapMs: FaultSettings["killGapMs"]) {
    const chance = seededRandom(settings.seed, name);
    let coming: string[] = [];
    while (kinds.length > 0 && !stopping.signal.aborted) {
      await after(between(chance, ...gapMs), undefined, { signal: stopping.signal }).catch(
        () => undefined,
      );
      if (stopping.signal.aborted) return;
      if (!hasSpares(parts.cluster)) continue;
      if (coming.length === 0) coming = shuffled(kinds, chance, log.counts.size >= kinds.length);
      const kind = coming.shift();
      if (kind) await inject(kind, chance);
    }
  }

  async function inject(kind: string, chance: SeededRandom): Promise<void> {
    log.counts.set(kind, (log.counts.get(kind) ?? 0) + 1);
    if (log.counts.size === settings.kinds.length) covered.resolve();
    settings.print(`fault ${kind}`);
    const scene = { ...parts, log, chance };
    const mended = (INJECT[kind]?.(scene) ?? breakBackend(scene, kind))
      .catch((error: unknown) => void ledger.problems.push(`fault ${kind} failed: ${error}`))
      .finally(() => mending.delete(mended));
    mending.add(mended);
    if (!IN_THE_BACKGROUND.has(kind)) await mended;
  }

  const kills = KILL_KINDS[settings.backend.layout];
  const lines = [
    line(
      "kills",
      settings.kinds.filter((kind) => kills.includes(kind)),
      settings.killGapMs,
    ),
    line(
      "others",
      settings.kinds.filter((kind) => !kills.includes(kind)),
      settings.faultGapMs,
    ),
  ];
  return {
    covered: covered.promise,
    async stop() {
      stopping.abort();
      await Promise.all(lines);
      await Promise.all(mending);
      log.endedAt ??= Date.now();
      return log;
    },
  };
}

/** They break one process and leave the others alone. */
const IN_THE_BACKGROUND: ReadonlySet<string> = new Set([
  ...KILL_KINDS.spread,
  ...KILL_KINDS.single,
  "freeze",
  "block-short",
  "block-long",
]);

function shuffled(kinds: readonly string[], chance: SeededRandom, isLater: boolean): string[] {
  if (!isLater) return [...kinds];
  return kinds
    .map((kind) => ({ kind, order: chance() }))
    .sort((one, other) => one.order - other.order)
    .map(({ kind }) => kind);
}

/**
 * Where processes start slower than the schedule ends them, none would run at all. A single process
 * has no spare: it must run, and be nobody else's.
 */
function hasSpares({ places }: Cluster): boolean {
  const roles = new Set(places.map(({ role }) => role));
  const least = places.length > 1 ? 2 : 1;
  return [...roles].every((role) => runningOf(places, role).length >= least);
}

/** Those that no other fault has. */
function runningOf(places: readonly Place[], role: Place["role"]): Place[] {
  return places.filter((place) => place.role === role && place.process && !place.isTaken);
}

/** A running place of the role; undefined when there is none. */
function take({ cluster, chance }: Scene, role: Place["role"]): Place | undefined {
  const free = runningOf(cluster.places, role);
  const chosen = free[Math.floor(chance() * free.length)];
  if (chosen) chosen.isTaken = true;
  return chosen;
}

async function kill(scene: Scene, role: Place["role"]): Promise<void> {
  const place = take(scene, role);
  if (!place) return;
  const { cluster, log } = scene;
  try {
    log.kills.push({ at: Date.now(), role: place.role, workerId: place.workerId });
    await cluster.kill(place);
    await cluster.start(place);
  } finally {
    place.isTaken = false;
  }
  if (place.role !== "gateway") await identify(scene, place);
}

/** Finds out the id under which the place's worker is known. */
export async function identify(caller: Caller, place: Place): Promise<void> {
  const { process } = place;
  const suffix = `:${process?.pid}`;
  while (process && place.process === process && !caller.signal.aborted) {
    const { workers } = await untilAnswered(caller, ({ operations }, options) =>
      operations.listWorkers({}, options),
    );
    const found = workers.find(({ host }) => host.endsWith(suffix));
    if (found) {
      place.workerId = found.workerId;
      return;
    }
  }
}

/** For twice the lease: afterwards it does not know that others have its tasks. */
async function freeze(scene: Scene): Promise<void> {
  const { settings, chance } = scene;
  const isSingle = settings.backend.layout === "single";
  const place = take(scene, isSingle ? "server" : chance() < 0.7 ? "worker" : "gateway");
  if (!place) return;
  const from = Date.now();
  place.process?.kill("SIGSTOP");
  await after(2 * LEASE_MS);
  place.process?.kill("SIGCONT");
  place.isTaken = false;
  hinder(scene, place, from);
}

function hinder({ log }: Scene, { workerId }: Place, from: number): void {
  if (workerId !== undefined) log.hindered.push({ workerId, from, to: Date.now() });
}

async function block({ load, log }: Scene, blockMs: number): Promise<void> {
  const marker = join(tmpdir(), `agentlane-faults-${randomUUID()}`);
  const submission = await load.submit({ agentId: "blocks", configurable: { blockMs, marker } });
  log.markers.set(marker, submission);
}

/** What is sent is done, and nobody hears of it. A TCP connection that lost bytes never goes on. */
async function swallowReplies(scene: Scene): Promise<void> {
  const { backend } = scene.cluster;
  const from = Date.now();
  for (const proxy of backend.proxies) proxy.swallowReplies();
  await after(between(scene.chance, 50, 1000));
  heal(scene, from);
}

function heal(scene: Scene, brokenAt: number): void {
  const { backend, places } = scene.cluster;
  for (const proxy of backend.proxies) {
    proxy.cut();
    proxy.heal();
  }
  for (const place of places.filter(({ isProxied }) => isProxied)) hinder(scene, place, brokenAt);
}

async function partition(scene: Scene): Promise<void> {
  const { backend } = scene.cluster;
  const from = Date.now();
  const ms = between(scene.chance, 500, 2 * LEASE_MS);
  const isStalled = scene.chance() < 0.5;
  for (const proxy of backend.proxies) {
    if (isStalled) proxy.stall();
    else proxy.refuse();
  }
  await after(ms);
  heal(scene, from);
}

async function breakBackend({ cluster, chance, log }: Scene, kind: string): Promise<void> {
  const fault = cluster.backend.faults[kind];
  if (!fault) throw new Error(`the backend has no fault ${kind}`);
  const from = Date.now();
  await fault.inject(chance);
  if (fault.isOutage) log.outages.push({ from, to: Date.now() });
}

/** All places run and are known; for the start of a run. */
export async function identifyAll(caller: Caller, cluster: Cluster): Promise<void> {
  const workers = cluster.places.filter(({ role }) => role !== "gateway");
  await Promise.all(workers.map((place) => identify(caller, place)));
}
