import { create } from "@bufbuild/protobuf";
import { ExecuteRequestSchema } from "../../gen/agentlane/v1/agent_service_pb.js";
import type { Task } from "../../gen/agentlane/v1/task_pb.js";
import type { Random } from "../../src/clock.ts";
import { createAgentCatalog } from "../../src/executor/agent-catalog.ts";
import type { AgentDefinition } from "../../src/executor/agent-definition.ts";
import { createAgentDirectory } from "../../src/executor/agent-directory.ts";
import { createRouter } from "../../src/executor/router.ts";
import type { EventBus, MessageQueue } from "../../src/queue/contract.ts";
import { createMemoryEventBus } from "../../src/queue/memory/bus.ts";
import { createMemoryQueue } from "../../src/queue/memory/queue.ts";
import type { Store } from "../../src/store/contract.ts";
import { createMemoryStore } from "../../src/store/memory/store.ts";
import { createDispatcher } from "../../src/tasks/dispatcher.ts";
import { createJournal } from "../../src/tasks/journal.ts";
import { createSessionManager } from "../../src/tasks/session-manager.ts";
import { createSweeper, repairChores } from "../../src/tasks/sweeper.ts";
import {
  createTaskManager,
  type OwnedTaskManager,
  type TaskInput,
  type WatchedBatch,
  type WatchedEntry,
} from "../../src/tasks/task-manager.ts";
import { tenantChore } from "../../src/tasks/tenant-chore.ts";
import { NO_POLICY, type TenantPolicy } from "../../src/tasks/tenant-policy.ts";
import { type Logger, silentLogger } from "../../src/telemetry/logging.ts";
import { type Metrics, NO_METRICS } from "../../src/telemetry/metrics.ts";
import { createWorker, type Worker, type WorkerOptions } from "../../src/worker/worker.ts";
import { type FakeClock, fakeClock } from "../fakes/fake-clock.ts";
import {
  agent,
  type Script,
  type ScriptedExecutor,
  scriptedExecutor,
  userMessage,
} from "../fakes/scripted-executor.ts";
import { principal } from "./principals.ts";

export const PRINCIPAL = principal();

export interface EngineOptions {
  readonly clock?: FakeClock;
  readonly random?: Random;
  readonly script?: Script;
  readonly agents?: readonly AgentDefinition[];
  readonly store?: Store;
  readonly queue?: MessageQueue;
  readonly bus?: EventBus;
  readonly worker?: Partial<WorkerOptions>;
  readonly maxQueueSize?: number;
  /** Absent: nobody is limited. */
  readonly policy?: TenantPolicy;
  readonly maxWatchers?: number;
  /** What state changes are logged to. */
  readonly logger?: Logger;
  readonly metrics?: Metrics;
  /** False: no worker; tasks stay queued until startWorker. */
  readonly withWorker?: boolean;
}

export type Engine = Awaited<ReturnType<typeof startEngine>>;

/** Everything between the server and the framework, on a fake clock, started. */
export async function startEngine(options: EngineOptions = {}) {
  const clock = options.clock ?? fakeClock();
  const random = options.random ?? (() => 0.5);
  const store = options.store ?? createMemoryStore({ clock });
  const queue = options.queue ?? createMemoryQueue({ clock });
  const bus = options.bus ?? createMemoryEventBus();
  const executor: ScriptedExecutor = scriptedExecutor(options.script);
  const catalog = createAgentCatalog(options.agents ?? [agent()]);
  const router = createRouter(catalog, [executor]);
  const agents = createAgentDirectory({ catalog, router, executors: [executor] });
  let ids = 0;
  const newId = (): string => `id-${String(++ids).padStart(6, "0")}`;
  const problems: string[] = [];
  const { policy = NO_POLICY } = options;
  const { logger = silentLogger, metrics = NO_METRICS } = options;
  const known = new Set(catalog.list().map(({ id }) => id));
  const dispatcher = createDispatcher({
    store,
    queue,
    bus,
    onPublishFailure: (error) => problems.push(`publish: ${String(error)}`),
    onDue: (inMs) => sweeper.dueIn(inMs),
    journal: createJournal({ logger, metrics, isKnownAgent: (id) => known.has(id) }),
    metrics,
  });
  const sweep = {
    limit: 100,
    unpublishedAfterMs: 5000,
    logRetentionMs: 24 * 3_600_000,
    taskRetentionMs: 48 * 3_600_000,
    deadLetterRetentionMs: 168 * 3_600_000,
    sessionRetentionMs: 720 * 3_600_000,
  };
  const sweeper = createSweeper({
    clock,
    random,
    chores: [
      ...repairChores({
        store,
        queue,
        dispatcher,
        random,
        leaseMs: options.worker?.leaseMs ?? 15_000,
        sweepIntervalMs: 1000,
        reconcileIntervalMs: 5000,
        sweep,
      }),
      ...(options.policy ? [tenantChore({ store, dispatcher, policy })] : []),
    ],
    onFailure: (chore, error) => problems.push(`${chore}: ${String(error)}`),
  });
  const manager: OwnedTaskManager = createTaskManager({
    store,
    queue,
    bus,
    clock,
    newId,
    agents,
    dispatcher,
    limits: {
      maxQueueSize: options.maxQueueSize ?? 10_000,
      attemptTimeoutMs: 300_000,
      idempotencyMs: 24 * 3_600_000,
    },
    policy,
    maxWatchers: options.maxWatchers ?? 1000,
    metrics,
    onCancelFailure: (taskId, error) => problems.push(`cancel ${taskId}: ${String(error)}`),
  });
  const sessions = createSessionManager({
    store,
    dispatcher,
    clock,
    policy,
    newId,
    checkContext: () => undefined,
  });
  const workers: Worker[] = [];

  async function startWorker(workerOptions: Partial<WorkerOptions> = {}): Promise<Worker> {
    const worker = createWorker({
      store,
      queue,
      bus,
      router,
      dispatcher,
      clock,
      random,
      newId,
      version: "0",
      leaseBackup: undefined,
      metrics,
      options: {
        queues: agents.queues(),
        slots: 4,
        leaseMs: 15_000,
        leaseRenewIntervalMs: 5000,
        cancelGraceMs: 5000,
        logLimits: { maxEvents: 100_000, maxBytes: 100_000_000 },
        instanceTimeoutMs: 7_200_000,
        maxInstances: 1000,
        ...options.worker,
        ...workerOptions,
      },
      onProblem: (message, error) => problems.push(`${message}: ${String(error)}`),
    });
    workers.push(worker);
    await worker.start();
    return worker;
  }

  for (const part of [store, queue, bus, sweeper]) await part.start();
  if (options.withWorker !== false) await startWorker();

  return {
    clock,
    store,
    queue,
    bus,
    executor,
    manager,
    sessions,
    sweeper,
    dispatcher,
    workers,
    problems,
    startWorker,
    /** Stops everything; what is left then is a leak. */
    async stop(): Promise<void> {
      for (const worker of workers) await worker.stop();
      await sweeper.stop();
      await manager.close();
      await dispatcher.idle();
      for (const part of [bus, queue, store]) await part.stop();
    },
  };
}

/** A request with defaults. */
export function input(overrides: Partial<TaskInput> = {}): TaskInput {
  return create(ExecuteRequestSchema, {
    agentId: "scripted",
    sessionId: "s1",
    messages: [userMessage("hello")],
    ...overrides,
  });
}

export async function submit(engine: Engine, overrides: Partial<TaskInput> = {}): Promise<Task> {
  const options = { streaming: false, deadlineInMs: undefined };
  return (await engine.manager.submit(PRINCIPAL, input(overrides), options)).task;
}

/** Reads a log to its end. */
export async function collect(entries: AsyncIterable<WatchedBatch>): Promise<WatchedEntry[]> {
  const all: WatchedEntry[] = [];
  for await (const batch of entries) all.push(...batch);
  return all;
}

/** The task's whole log, from the first event to the terminal one. */
export function watchToEnd(engine: Engine, taskId: string, after = 0): Promise<WatchedEntry[]> {
  const { signal } = new AbortController();
  return collect(engine.manager.watch(PRINCIPAL, taskId, after, signal));
}
