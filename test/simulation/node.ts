/** One process of the simulated installation: its own faults between it and the shared backends. */
import { createAgentCatalog } from "../../src/executor/agent-catalog.ts";
import type { AgentDefinition } from "../../src/executor/agent-definition.ts";
import { createAgentDirectory } from "../../src/executor/agent-directory.ts";
import { createRouter } from "../../src/executor/router.ts";
import type { EventBus, MessageQueue } from "../../src/queue/contract.ts";
import type { Store } from "../../src/store/contract.ts";
import { createDispatcher, type Dispatcher } from "../../src/tasks/dispatcher.ts";
import { createSessionManager, type SessionManager } from "../../src/tasks/session-manager.ts";
import { createSweeper, repairChores, type Sweeper } from "../../src/tasks/sweeper.ts";
import { createTaskManager, type OwnedTaskManager } from "../../src/tasks/task-manager.ts";
import { tenantChore } from "../../src/tasks/tenant-chore.ts";
import { createWorker, type Worker } from "../../src/worker/worker.ts";
import { type CallFaults, callFaults } from "../fakes/call-faults.ts";
import type { FakeClock } from "../fakes/fake-clock.ts";
import { type FakeProcess, fakeProcess } from "../fakes/fake-process.ts";
import { type BusFaults, faultBus } from "../fakes/fault-bus.ts";
import { faultQueue, type QueueFaults } from "../fakes/fault-queue.ts";
import { faultStore } from "../fakes/fault-store.ts";
import { type Script, scriptedExecutor } from "../fakes/scripted-executor.ts";
import { SETTINGS } from "./settings.ts";

/** What all processes share. */
export interface Backends {
  readonly clock: FakeClock;
  readonly random: () => number;
  readonly newId: () => string;
  readonly store: Store;
  readonly queue: MessageQueue;
  readonly bus: EventBus;
  readonly agent: AgentDefinition;
  readonly reconciles: boolean;
  readonly onProblem: (what: string, error: unknown) => void;
}

export interface Node {
  readonly process: FakeProcess;
  readonly storeCalls: CallFaults;
  readonly queueCalls: CallFaults;
  readonly queueFaults: QueueFaults;
  readonly busFaults: BusFaults;
  readonly dispatcher: Dispatcher;
  readonly sweeper: Sweeper;
}

export interface GatewayNode extends Node {
  readonly manager: OwnedTaskManager;
  readonly sessions: SessionManager;
}

export interface WorkerNode extends Node {
  readonly worker: Worker;
}

interface NodeParts extends Node {
  readonly store: Store;
  readonly queue: MessageQueue;
  readonly bus: EventBus;
}

function nodeParts(backends: Backends, name: string): NodeParts {
  const { clock, random, onProblem } = backends;
  const process = fakeProcess(name, clock);
  const storeCalls = callFaults(process, clock);
  const queueCalls = callFaults(process, clock);
  const queueFaults = { loseCount: 0, doubleCount: 0 };
  const busFaults = { loseCount: 0, doubleCount: 0, delayMs: 0 };
  const store = faultStore(backends.store, storeCalls);
  const queue = faultQueue(backends.queue, process, queueCalls, queueFaults);
  const bus = faultBus(backends.bus, process, clock, busFaults);
  const dispatcher = createDispatcher({
    store,
    queue,
    bus,
    onPublishFailure: (error) => onProblem("publish", error),
    onDue: (inMs) => sweeper.dueIn(inMs),
  });
  const repairs = repairChores({
    store,
    queue,
    dispatcher,
    random,
    leaseMs: SETTINGS.worker.leaseMs,
    sweepIntervalMs: SETTINGS.sweepIntervalMs,
    reconcileIntervalMs: SETTINGS.reconcileIntervalMs,
    sweep: SETTINGS.sweep,
  });
  const sweeper = createSweeper({
    clock: process.clock,
    random,
    chores: [
      ...(backends.reconciles ? repairs : repairs.filter(({ name }) => name !== "reconcile")),
      tenantChore({ store, dispatcher, policy: SETTINGS.policy }),
    ],
    onFailure: onProblem,
  });
  const faults = { storeCalls, queueCalls, queueFaults, busFaults };
  return { process, ...faults, dispatcher, sweeper, store, queue, bus };
}

export async function startGateway(backends: Backends, name: string): Promise<GatewayNode> {
  const parts = nodeParts(backends, name);
  const { store, queue, bus, dispatcher, process } = parts;
  const { newId, agent, onProblem } = backends;
  const catalog = createAgentCatalog([agent]);
  const executors = [scriptedExecutor()];
  const router = createRouter(catalog, executors);
  const manager = createTaskManager({
    store,
    queue,
    bus,
    clock: process.clock,
    newId,
    agents: createAgentDirectory({ catalog, router, executors }),
    dispatcher,
    limits: SETTINGS.admission,
    policy: SETTINGS.policy,
    maxWatchers: SETTINGS.maxWatchers,
    onCancelFailure: (_taskId, error) => onProblem("cancel", error),
  });
  const sessions = createSessionManager({
    store,
    dispatcher,
    clock: process.clock,
    policy: SETTINGS.policy,
    newId,
    checkContext: () => undefined,
  });
  await parts.sweeper.start();
  return { ...parts, manager, sessions };
}

export function createWorkerNode(
  backends: Backends,
  name: string,
  script: (process: FakeProcess) => Script,
  mutateQueue: (queue: MessageQueue) => MessageQueue,
  slots: number,
): WorkerNode {
  const parts = nodeParts(backends, name);
  const { store, queue, bus, dispatcher, process } = parts;
  const { random, newId, agent, onProblem } = backends;
  const executor = scriptedExecutor(script(process));
  const worker = createWorker({
    store,
    queue: mutateQueue(queue),
    bus,
    router: createRouter(createAgentCatalog([agent]), [executor]),
    dispatcher,
    clock: process.clock,
    random,
    newId,
    version: "0",
    leaseBackup: undefined,
    options: { ...SETTINGS.worker, slots, queues: [agent.queue] },
    onProblem: (what, error) => onProblem(what, error),
  });
  return { ...parts, worker };
}
