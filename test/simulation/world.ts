/** The simulated installation: gateways and workers over one memory store, queue and bus. */
import { getEventListeners } from "node:events";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import type { Clock } from "../../src/clock.ts";
import { isKind } from "../../src/errors.ts";
import type { EventBus, MessageQueue } from "../../src/queue/contract.ts";
import { createMemoryEventBus } from "../../src/queue/memory/bus.ts";
import { createMemoryQueue } from "../../src/queue/memory/queue.ts";
import type { Store } from "../../src/store/contract.ts";
import { createMemoryStore } from "../../src/store/memory/store.ts";
import { type FakeClock, fakeClock } from "../fakes/fake-clock.ts";
import type { FakeProcess } from "../fakes/fake-process.ts";
import { type FakeBroker, fakeBroker } from "../fakes/fault-queue.ts";
import { agent, type Script } from "../fakes/scripted-executor.ts";
import { type Behaviour, behave } from "./behaviours.ts";
import {
  type Backends,
  createWorkerNode,
  type GatewayNode,
  type Node,
  startGateway,
  type WorkerNode,
} from "./node.ts";
import { createRecorder, type Recorder } from "./recorder.ts";
import { recordingStore } from "./recording-store.ts";
import { SETTINGS } from "./settings.ts";

/** Alters a part of the engine, so that a test can show that the checker finds it. */
export interface Mutation {
  readonly store?: (store: Store) => Store;
  /** As workers reach it. */
  readonly queue?: (queue: MessageQueue) => MessageQueue;
  readonly bus?: (bus: EventBus) => EventBus;
}

export interface WorldOptions {
  readonly seed: number;
  readonly mutation?: Mutation;
  /** Default: the memory store. */
  readonly makeStore?: (clock: Clock) => Store;
  /** False: the sweeper does not repair a broker that lost messages. Default true. */
  readonly reconciles?: boolean;
}

export const TENANTS = ["red", "blue"] as const;
const ALL = { size: 1000, token: "" };
const UNFINISHED = [TaskState.QUEUED, TaskState.RUNNING, TaskState.RETRY_WAIT];
const WORKER_COUNT = 2;
const MAX_WORKER_COUNT = 3;
/** Of what is none of ours: agents that come back late, the network. */
const LONGEST_DELAY_MS = 20_000;

export class World {
  readonly clock: FakeClock = fakeClock();
  readonly recorder: Recorder = createRecorder();
  /** By the marker in the task's metadata; the n-th attempt follows the n-th, or the last. */
  readonly behaviours = new Map<string, readonly Behaviour[]>();
  readonly store: Store;
  readonly broker: FakeBroker;
  readonly #backends: Backends;
  readonly #mutation: Mutation;
  readonly #turns: { readonly process: FakeProcess; readonly signal: AbortSignal }[] = [];
  readonly #background = new Set<Promise<void>>();
  #subscriptionCount = 0;
  #nodeCount = 0;
  workers: WorkerNode[] = [];
  #leaving: WorkerNode[] = [];
  #gateway: GatewayNode | undefined;

  constructor({ seed, mutation = {}, reconciles = true, makeStore }: WorldOptions) {
    const { clock } = this;
    const store = makeStore?.(clock) ?? createMemoryStore({ clock });
    this.#mutation = mutation;
    this.store = recordingStore(mutation.store?.(store) ?? store, clock, this.recorder);
    this.broker = fakeBroker(() => createMemoryQueue({ clock }));
    const bus = this.#countingBus(createMemoryEventBus());
    let ids = 0;
    this.#backends = {
      clock,
      random: seededRandom(seed),
      newId: () => `id-${String(++ids).padStart(6, "0")}`,
      store: this.store,
      queue: this.broker,
      bus: mutation.bus?.(bus) ?? bus,
      agent: agent({
        retry: {
          initialBackoffMs: SETTINGS.backoff.initialMs,
          multiplier: SETTINGS.backoff.multiplier,
          maxBackoffMs: SETTINGS.backoff.maxMs,
        },
      }),
      reconciles,
      onProblem: (what, error) => this.#note(what, error),
    };
  }

  async start(): Promise<void> {
    await this.store.start();
    await this.broker.start();
    await this.#backends.bus.start();
    for (let count = 0; count < WORKER_COUNT; count++) await this.startWorker();
    await this.gateway();
    await this.clock.advance(0);
  }

  /** The gateway that clients reach; a dead one is replaced. */
  async gateway(): Promise<GatewayNode> {
    if (this.#gateway?.process.state === "dead") this.#gateway = undefined;
    this.#gateway ??= await startGateway(this.#backends, `gateway-${++this.#nodeCount}`);
    return this.#gateway;
  }

  async startWorker(): Promise<void> {
    this.workers = this.workers.filter(({ process }) => process.state !== "dead");
    if (this.workers.length >= MAX_WORKER_COUNT) return;
    const name = `worker-${++this.#nodeCount}`;
    const mutateQueue = this.#mutation.queue ?? ((queue: MessageQueue) => queue);
    const script = (process: FakeProcess) => this.#script(process);
    // Few, so that sessions migrate.
    const slots = 1 + (this.#nodeCount % 2);
    const node = createWorkerNode(this.#backends, name, script, mutateQueue, slots);
    this.workers.push(node);
    this.inBackground(node.process, node.worker.start());
    this.inBackground(node.process, node.sweeper.start());
  }

  /** Finishes what runs within the time, hands back the rest, and goes. */
  drain(node: WorkerNode, timeoutMs: number): void {
    this.workers = this.workers.filter((other) => other !== node);
    this.#leaving.push(node);
    this.inBackground(node.process, this.#drain(node, timeoutMs));
  }

  async #drain({ worker, sweeper, dispatcher, process }: WorkerNode, timeoutMs: number) {
    await worker.drain(timeoutMs);
    await worker.stop();
    await sweeper.stop();
    await dispatcher.idle();
    this.#noteLeft(worker.heldLeaseCount() + worker.busyCount(), `${process.name} after a drain`);
  }

  #noteLeft(count: number, what: string): void {
    if (count > 0) this.#note("left", new Error(`${count} at ${what}`));
  }

  nodes(): Node[] {
    const workers = [...this.workers, ...this.#leaving];
    return this.#gateway ? [this.#gateway, ...workers] : workers;
  }

  /** Goes on beside the commands; the run ends when it has, or when its process is dead. */
  inBackground(process: FakeProcess, work: Promise<void>): void {
    const killed = new Promise<void>((resolve) => process.onKill(resolve));
    const tracked = Promise.race([work, killed])
      .catch((error: unknown) => this.#note("in the background", error))
      .finally(() => this.#background.delete(tracked));
    this.#background.add(tracked);
  }

  async snapshot(): Promise<void> {
    const tenants = await Promise.all(
      TENANTS.map(async (tenant) => {
        const [tasks, deadLetters, sessions] = await Promise.all([
          this.store.log.list(tenant, {}, ALL),
          this.store.deadLetters.list(tenant, {}, ALL),
          this.store.sessions.list(tenant, {}, ALL),
        ]);
        const loaded = await Promise.all(
          sessions.items.map(async (summary) => {
            const stored = await this.store.sessions.load({ tenant, ...summary });
            return { summary, context: stored?.context };
          }),
        );
        return { tenant, tasks: tasks.items, deadLetters: deadLetters.items, sessions: loaded };
      }),
    );
    this.recorder.add({ type: "snapshot", at: this.clock.now(), tenants });
  }

  /** No task unfinished, nobody waiting for an answer. */
  async isQuiet(): Promise<boolean> {
    if (this.#background.size > 0) return false;
    for (const tenant of TENANTS) {
      const { items } = await this.store.log.list(tenant, { states: UNFINISHED }, ALL);
      if (items.length > 0) return false;
    }
    return true;
  }

  async stopFaults(): Promise<void> {
    for (const node of this.nodes()) {
      node.storeCalls.heal();
      node.queueCalls.heal();
      Object.assign(node.queueFaults, { loseCount: 0, doubleCount: 0 });
      Object.assign(node.busFaults, { loseCount: 0, doubleCount: 0, delayMs: 0 });
      node.process.thaw();
    }
    await this.gateway();
    await this.startWorker();
    this.recorder.add({ type: "faults-stopped", at: this.clock.now() });
  }

  /** Stops everything in order and answers what is left. */
  async stop(): Promise<string[]> {
    const leaks: string[] = [];
    const watchCount = this.#gateway?.manager.watcherCount() ?? 0;
    if (watchCount > 0) leaks.push(`${watchCount} watches that nobody reads`);
    let stopped = false;
    const stopping = this.#stopAll().then(() => {
      stopped = true;
    });
    for (let step = 0; step < 10 && !stopped; step++) await this.clock.advance(2000);
    if (!stopped) return ["the stop did not end"];
    await stopping;
    await this.clock.advance(LONGEST_DELAY_MS);
    const listeners = this.#turns
      .filter(({ process }) => process.state !== "dead")
      .flatMap(({ signal }) => getEventListeners(signal, "abort"));
    const counts = {
      timers: this.clock.timerCount,
      subscriptions: this.#subscriptionCount,
      "abort listeners": listeners.length,
    };
    for (const [what, count] of Object.entries(counts)) {
      if (count !== 0) leaks.push(`${count} ${what}`);
    }
    return leaks;
  }

  async #stopAll(): Promise<void> {
    const nodes = this.nodes().filter(({ process }) => process.state === "running");
    for (const { worker, process } of this.workers) {
      if (process.state !== "running") continue;
      await worker.stop();
      this.#noteLeft(worker.heldLeaseCount() + worker.busyCount(), "a stopped worker");
    }
    if (this.#gateway?.process.state === "running") await this.#gateway.manager.close();
    for (const { sweeper, dispatcher } of nodes) {
      await sweeper.stop();
      await dispatcher.idle();
    }
    const { unsettledCount } = await this.broker.depth(this.#backends.agent.queue);
    this.#noteLeft(unsettledCount, "the broker, unsettled");
    await Promise.all(this.#background);
    await this.#backends.bus.stop();
    await this.broker.stop();
    await this.store.stop();
  }

  #script(process: FakeProcess): Script {
    const { recorder, clock } = this;
    return (turn) => {
      const { taskId, attempt, context, signal } = turn;
      const behaviours = this.behaviours.get(turn.metadata.marker ?? "") ?? [];
      const behaviour = behaviours[Math.min(attempt, behaviours.length) - 1];
      if (!behaviour) throw new Error(`task ${taskId} has no behaviour`);
      this.#turns.push({ process, signal });
      const { freezeCount } = process;
      recorder.add({ type: "turn", at: clock.now(), taskId, attempt, context });
      return behave(turn, behaviour, process, {
        emitted: (text) =>
          recorder.add({ type: "emitted", at: clock.now(), taskId, attempt, text }),
        toolCalled: () => {
          const excused = process.freezeCount > freezeCount;
          recorder.add({ type: "tool-call", at: clock.now(), taskId, attempt, excused });
        },
      });
    };
  }

  #countingBus(bus: EventBus): EventBus {
    return {
      ...bus,
      subscribe: async (topic, listener) => {
        const subscription = await bus.subscribe(topic, listener);
        this.#subscriptionCount++;
        let open = true;
        return {
          close: () => {
            if (open) this.#subscriptionCount--;
            open = false;
            subscription.close();
          },
        };
      },
    };
  }

  /** Refused calls are part of the game; anything else is worth a look. */
  #note(what: string, error: unknown): void {
    if (isKind(error, "unavailable") || isKind(error, "lease_lost")) return;
    if (isKind(error, "canceled") || isKind(error, "deadline_exceeded")) return;
    this.recorder.add({
      type: "problem",
      at: this.clock.now(),
      what: `${what}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    });
  }
}

/** Mulberry32: small, fast and good enough for jitter. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
