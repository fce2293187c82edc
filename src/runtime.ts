/** Composition root: it and its runtime-*.ts files alone name concrete adapters. Parts in, a program out. */
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { type Clock, type Random, systemClock, systemRandom } from "./clock.ts";
import { type Config, processEnvironment } from "./config.ts";
import { createAgentCatalog } from "./executor/agent-catalog.ts";
import type { AgentDefinition } from "./executor/agent-definition.ts";
import { createAgentDirectory } from "./executor/agent-directory.ts";
import { checkContext } from "./executor/context-check.ts";
import type { FrameworkExecutor } from "./executor/contract.ts";
import { createLangGraphExecutor } from "./executor/langgraph/executor.ts";
import { createRouter } from "./executor/router.ts";
import { uuidV7 } from "./ids.ts";
import { inOrder, type Service, service } from "./lifecycle.ts";
import { createOutboundFetch } from "./outbound-fetch.ts";
import { accessOf } from "./runtime-access.ts";
import { agentsOf } from "./runtime-agents.ts";
import { type Backends, backendsOf, measuredBackends } from "./runtime-backends.ts";
import { type Encryption, encryptionOf } from "./runtime-encryption.ts";
import { observeRuntime } from "./runtime-metrics.ts";
import { isSharedStore } from "./runtime-store.ts";
import { loadConsole } from "./server/console-files.ts";
import { DEFAULT_SERVER_OPTIONS, type ServerOptions } from "./server/options.ts";
import { createServer } from "./server/server.ts";
import { loadTls } from "./server/tls-files.ts";
import { limitedToAgents, sessionsLimitedToAgents } from "./tasks/agent-access.ts";
import { createDispatcher, type Dispatcher } from "./tasks/dispatcher.ts";
import { createJournal } from "./tasks/journal.ts";
import { createOperations } from "./tasks/operations.ts";
import { createRateLimit } from "./tasks/rate-limit.ts";
import { createReadiness } from "./tasks/readiness.ts";
import { createSessionManager } from "./tasks/session-manager.ts";
import { type Chore, createSweeper, repairChores } from "./tasks/sweeper.ts";
import { createTaskManager } from "./tasks/task-manager.ts";
import { tenantChore } from "./tasks/tenant-chore.ts";
import { createTenantDeletion } from "./tasks/tenant-deletion.ts";
import { NO_POLICY, type TenantPolicy } from "./tasks/tenant-policy.ts";
import { readTenantsFile } from "./tasks/tenants-file.ts";
import { createLogger, type Logger } from "./telemetry/logging.ts";
import { type Metrics, NO_METRICS } from "./telemetry/metrics.ts";
import { VERSION } from "./version.ts";
import type { LeaseBackup } from "./worker/lease-keeper.ts";
import { createLeaseThread } from "./worker/lease-thread.ts";
import { createWorker, type Worker } from "./worker/worker.ts";

/** Where the build puts it, for the compiled program too. */
const CONSOLE_FOLDER = fileURLToPath(new URL("../dist/console/", import.meta.url));
const RECONCILE_INTERVAL_MS = 5000;
const UNPUBLISHED_AFTER_MS = 5000;
const IDEMPOTENCY_MS = 24 * 60 * 60 * 1000;
/** Tasks a repair takes at a time. */
const SWEEP_LIMIT = 256;

/** What tests, benches and embedders replace. */
export interface Overrides {
  readonly clock?: Clock;
  readonly random?: Random;
  readonly logger?: Logger;
  readonly agents?: readonly AgentDefinition[];
  readonly executors?: readonly FrameworkExecutor[];
  readonly backends?: Backends;
  /** Default: off. */
  readonly metrics?: Metrics;
  readonly server?: Partial<ServerOptions>;
}

export type Runtime = Awaited<ReturnType<typeof createRuntime>>;

/** Nothing runs and nothing listens before `start`. */
export async function createRuntime(config: Config, overrides: Overrides = {}) {
  const clock = overrides.clock ?? systemClock;
  const logger = overrides.logger ?? createLogger(config.logging);
  const encryption = await encryptionOf(config, {
    clock,
    onWarning: (message) => logger.warn(message),
    onReload: ({ activeId }) => logger.info("the keys file was read again", { active: activeId }),
  });
  const shared = assembleShared(config, { ...overrides, clock, logger }, encryption);
  const { store, queue, bus, executors, dispatcher } = shared;
  // Its thread makes a store from the configuration, and knows nothing of one that was given.
  const leaseBackup = overrides.backends ? undefined : leaseBackupOf(config, shared);
  const worker = config.worker.enabled ? workerOf(config, shared, leaseBackup) : undefined;
  const readiness = createReadiness({ store, queue, clock, lastPolledAt: worker?.lastPolledAt });
  const sweeper = createSweeper({
    clock,
    random: shared.random,
    chores: choresOf(config, shared, worker, readiness.chore),
    onFailure: (chore, error) => shared.logger.error("a chore failed", { chore, error }),
  });
  shared.whenDue.call = (inMs) => sweeper.dueIn(inMs);
  const phase = { running: false, draining: false };
  const managers = managersOf(config, shared, worker, phase);
  const access = await accessOf(config, shared);
  const server = createServer({
    ...managers,
    manager: limitedToAgents(managers.manager, shared.store.log),
    sessions: sessionsLimitedToAgents(managers.sessions),
    apiKeys: access.apiKeys,
    auditLog: access.auditLog,
    tenants: createTenantDeletion({ ...shared, onKeyForgotten: access.forgetKey }),
    ...(access.authenticate && { authenticate: access.authenticate }),
    readiness,
    clock,
    limitRate: createRateLimit(shared.policy, clock),
    metrics: shared.metrics,
    options: await serverOptions(config, overrides),
    webConsole: config.webConsole ? { files: await loadConsole(CONSOLE_FOLDER) } : undefined,
    onError: (error) => shared.logger.error("a call failed unexpectedly", { error }),
  });
  observeRuntime({ ...shared, ...managers, worker });
  const atStop = (close: () => Promise<void>): Service => service(async () => {}, close);
  const parts = inOrder([
    store,
    queue,
    bus,
    ...executors,
    atStop(() => dispatcher.idle()),
    ...(worker ? [worker] : []),
    sweeper,
    atStop(() => managers.manager.close()),
    access,
    server,
    atStop(async () => {
      // Before the connections end: those who wait are told, and nobody new comes in.
      await server.drain(0);
      managers.manager.endWatches();
    }),
    service(
      async () => {
        phase.running = true;
      },
      async () => {
        phase.running = false;
      },
    ),
  ]);
  return {
    ...parts,
    ...managers,
    sweeper,
    server,
    worker,
    /**
     * Takes nothing new and lets what runs finish, for at most `timeoutMs`; then `stop`. The worker
     * goes on until no call waits for it: behind a call there may be a task that is still queued.
     */
    async drain(timeoutMs: number): Promise<void> {
      phase.draining = true;
      const endAt = clock.monotonic() + timeoutMs;
      await server.drain(timeoutMs);
      await worker?.drain(Math.max(0, endAt - clock.monotonic()));
    },
  };
}

/** What the services of the server call. */
function managersOf(
  config: Config,
  shared: Shared,
  worker: Worker | undefined,
  phase: { readonly running: boolean; readonly draining: boolean },
) {
  const { logger } = shared;
  const { maxQueueSize, attemptTimeoutMs, maxWatchers } = config.taskManager;
  const manager = createTaskManager({
    ...shared,
    limits: { maxQueueSize, attemptTimeoutMs, idempotencyMs: IDEMPOTENCY_MS },
    maxWatchers,
    onCancelFailure: (taskId, error) =>
      logger.error("a disconnect could not be turned into a cancel", { taskId, error }),
  });
  const operations = createOperations({
    ...shared,
    process: {
      running: () => phase.running,
      draining: () => phase.draining,
      watcherCount: manager.watcherCount,
      cleanupLastRunAt: () => worker?.instanceFigures().lastCleanUpAt,
      instancesCleanedCount: () => worker?.instanceFigures().cleanedCount ?? 0,
    },
    maxQueueSize,
    version: VERSION,
  });
  const sessions = createSessionManager({
    ...shared,
    checkContext: (context) => checkContext(shared.router, context),
  });
  return { manager, operations, sessions };
}

function assembleShared(
  config: Config,
  overrides: Overrides & Required<Pick<Overrides, "clock" | "logger">>,
  { content, chores }: Encryption,
) {
  const { clock, logger } = overrides;
  const random = overrides.random ?? systemRandom;
  const newId = uuidV7(clock);
  const metrics = overrides.metrics ?? NO_METRICS;
  const backends = measuredBackends(
    overrides.backends ?? backendsOf(config, { clock, random, newId, logger, metrics, content }),
    metrics,
    clock,
  );
  const executors = overrides.executors ?? [
    createLangGraphExecutor({
      clock,
      captureContent: config.captureContent,
      outboundFetch: createOutboundFetch({ clock, allowed: config.outboundAllow }),
      metrics,
      environment: processEnvironment(),
    }),
  ];
  const catalog = createAgentCatalog(
    overrides.agents ?? agentsOf(config, (message) => logger.warn(message)),
  );
  const router = createRouter(catalog, executors);
  const agentIds = new Set(catalog.list().map(({ id }) => id));
  const isKnownAgent = (agentId: string): boolean => agentIds.has(agentId);
  // The sweeper needs the dispatcher and is told by it: the second half of the circle is set later.
  const whenDue: { call: (inMs: number) => void } = { call: () => undefined };
  const dispatcher: Dispatcher = createDispatcher({
    ...backends,
    onPublishFailure: (error, count) =>
      logger.warn("doorbells were not confirmed; the sweeper repeats them", { error, count }),
    onDue: (inMs) => whenDue.call(inMs),
    journal: createJournal({ logger, metrics, isKnownAgent }),
    metrics,
  });
  return {
    ...backends,
    clock,
    random,
    logger,
    metrics,
    newId,
    executors,
    router,
    agents: createAgentDirectory({ catalog, router, executors }),
    dispatcher,
    whenDue,
    ...policyOf(config, logger),
    keysChores: chores,
  };
}

/** Without a tenants file nothing is limited, and nothing is to be done periodically. */
function policyOf(
  { tenantsFile }: Config,
  logger: Logger,
): { policy: TenantPolicy; fileChores: readonly Chore[] } {
  if (tenantsFile === undefined) return { policy: NO_POLICY, fileChores: [] };
  const policy = readTenantsFile(tenantsFile, () =>
    logger.info("the tenants file was read again", { file: tenantsFile }),
  );
  return { policy, fileChores: [policy.chore] };
}

type Shared = ReturnType<typeof assembleShared>;

function workerOf(config: Config, shared: Shared, leaseBackup: LeaseBackup | undefined): Worker {
  const { worker, instances } = config;
  return createWorker({
    ...shared,
    version: VERSION,
    leaseBackup,
    options: {
      queues: worker.queues ?? shared.agents.queues(),
      slots: worker.slots,
      leaseMs: worker.leaseMs,
      leaseRenewIntervalMs: worker.leaseRenewIntervalMs,
      cancelGraceMs: worker.cancelGraceMs,
      logLimits: worker.logLimits,
      instanceTimeoutMs: instances.timeoutMs,
      maxInstances: instances.maxCount,
    },
    onProblem: (message, error, task) =>
      shared.logger.error(message, { error, taskId: task.taskId }),
  });
}

/** Its program has this file's extension: it is compiled, or not, as this one is. */
const LEASE_THREAD = new URL(
  `./runtime-lease-thread${extname(import.meta.filename)}`,
  import.meta.url,
);

/** None for a store that no other process has open, whose sweeper is blocked together with the rest. */
function leaseBackupOf(config: Config, shared: Shared): LeaseBackup | undefined {
  const { store, queue, worker } = config;
  if (!isSharedStore(config)) return undefined;
  return createLeaseThread({
    ...worker,
    clock: shared.clock,
    random: shared.random,
    renewIntervalMs: worker.leaseRenewIntervalMs,
    entry: LEASE_THREAD,
    store: { store, queue },
    onProblem: (message, error) => shared.logger.error(message, { error }),
  });
}

/** Everything that this process does periodically. */
function choresOf(
  config: Config,
  shared: Shared,
  worker: Worker | undefined,
  readiness: Chore,
): Chore[] {
  const repairs = repairChores({
    ...shared,
    leaseMs: config.worker.leaseMs,
    sweepIntervalMs: config.sweeper.intervalMs,
    reconcileIntervalMs: RECONCILE_INTERVAL_MS,
    sweep: {
      limit: SWEEP_LIMIT,
      unpublishedAfterMs: UNPUBLISHED_AFTER_MS,
      logRetentionMs: config.sweeper.logRetentionMs,
      taskRetentionMs: config.sweeper.taskRetentionMs,
      deadLetterRetentionMs: config.sweeper.deadLetterRetentionMs,
      sessionRetentionMs: config.sweeper.sessionRetentionMs,
    },
  });
  const { fileChores, keysChores } = shared;
  const tenants = fileChores.length > 0 ? [...fileChores, tenantChore(shared)] : [];
  if (!worker) return [...repairs, ...tenants, ...keysChores, readiness];
  const cleanUp: Chore = {
    name: "instance-clean-up",
    intervalMs: config.instances.cleanupIntervalMs,
    run: async () => {
      worker.cleanUp();
    },
  };
  return [...repairs, ...tenants, ...keysChores, readiness, cleanUp];
}

async function serverOptions(config: Config, overrides: Overrides): Promise<ServerOptions> {
  const { tls, ...server } = config.server;
  const options = { ...DEFAULT_SERVER_OPTIONS, ...server, ...overrides.server };
  return tls ? { ...options, tls: await loadTls(tls) } : options;
}
