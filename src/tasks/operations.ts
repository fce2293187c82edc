/** The figures that operators see. */
import type { JsonObject, MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { AccessRole } from "../../gen/agentlane/v1/admin_service_pb.js";
import {
  type AgentDescription,
  type FrameworkHealth,
  type GetTaskManagerStatusResponse,
  GetTaskManagerStatusResponseSchema,
  type GetTenantUsageResponse,
  GetTenantUsageResponseSchema,
  type QueueStats,
  QueueStatsSchema,
  type TenantLimitsSchema,
  type ValidateAgentResponse,
  type Worker,
} from "../../gen/agentlane/v1/operations_service_pb.js";
import type { Clock } from "../clock.ts";
import { AgentlaneError } from "../errors.ts";
import type { MessageQueue } from "../queue/contract.ts";
import type { QueueFigures, Store } from "../store/contract.ts";
import type { AgentDirectory } from "./agent-directory.ts";
import { mayUse, type Principal } from "./principal.ts";
import type { TenantPolicy, TenantRule } from "./tenant-policy.ts";

export interface Operations {
  status(): Promise<GetTaskManagerStatusResponse>;
  /** Undefined = all known queues, by name. */
  queueStats(queue: string | undefined): Promise<QueueStats[]>;
  /** Undefined = all enabled frameworks; `not_found` for an unknown one. */
  frameworkHealth(framework: string | undefined): Promise<FrameworkHealth[]>;
  /** Those that the principal may use. */
  listAgents(principal: Principal): Promise<AgentDescription[]>;
  validateAgent(
    subject: { agentId: string } | { definition: JsonObject },
  ): Promise<ValidateAgentResponse>;
  /** Without their hosts for all but the installation's admins. */
  listWorkers(principal: Principal): Promise<Worker[]>;
  /** Empty = the caller's own; of others, `not_found` for all but the installation's admins. */
  tenantUsage(principal: Principal, tenant: string): Promise<GetTenantUsageResponse>;
}

/** What only this process knows. */
export interface ProcessFigures {
  running(): boolean;
  draining(): boolean;
  watcherCount(): number;
  /** Milliseconds since the epoch; undefined before the first clean-up. */
  cleanupLastRunAt(): number | undefined;
  instancesCleanedCount(): number;
}

export interface OperationsParts {
  readonly store: Store;
  readonly queue: MessageQueue;
  readonly agents: AgentDirectory;
  readonly clock: Clock;
  readonly policy: TenantPolicy;
  readonly process: ProcessFigures;
  readonly maxQueueSize: number;
  readonly version: string;
}

export function createOperations(parts: OperationsParts): Operations {
  const { store, queue, agents } = parts;
  const startedAt = parts.clock.now();

  async function queueNames(): Promise<string[]> {
    return [...new Set([...agents.queues(), ...(await store.log.queues())])].sort();
  }

  return {
    async status() {
      const [workers, names] = await Promise.all([store.workers.list(), queueNames()]);
      const figures = await Promise.all(names.map((name) => store.log.figures(name)));
      const sum = (read: (figure: QueueFigures) => number): number =>
        figures.reduce((total, figure) => total + read(figure), 0);
      const cleanedAt = parts.process.cleanupLastRunAt();
      return create(GetTaskManagerStatusResponseSchema, {
        taskManagerRunning: parts.process.running(),
        workerCount: workers.reduce((total, worker) => total + worker.slots, 0),
        activeInstances: workers.reduce((total, worker) => total + worker.instanceCount, 0),
        runningTasks: sum((figure) => figure.runningCount),
        messageQueueType: queue.type,
        ...(cleanedAt !== undefined && { cleanupLastRun: timestampFromMs(cleanedAt) }),
        instancesCleaned: BigInt(parts.process.instancesCleanedCount()),
        storeType: store.type,
        queuedTasks: sum(
          (figure) => figure.readyCount + figure.waitingCount - figure.retryWaitCount,
        ),
        waitingTasks: sum((figure) => figure.retryWaitCount),
        deadLetters: sum((figure) => figure.deadLetterCount),
        watchers: parts.process.watcherCount(),
        startedAt: timestampFromMs(startedAt),
        draining: parts.process.draining(),
        version: parts.version,
      });
    },

    async queueStats(name) {
      const names = await queueNames();
      if (name !== undefined && !names.includes(name)) {
        throw new AgentlaneError(
          "not_found",
          "QUEUE_NOT_FOUND",
          `queue "${name}" is not known; known queues: ${names.join(", ") || "none"}`,
        );
      }
      return Promise.all((name === undefined ? names : [name]).map((each) => statsOf(parts, each)));
    },

    async frameworkHealth(framework) {
      const all = agents.frameworks();
      if (framework === undefined) return all;
      const found = all.filter((health) => health.framework === framework);
      if (found.length > 0) return found;
      throw new AgentlaneError(
        "not_found",
        "FRAMEWORK_NOT_FOUND",
        `framework "${framework}" is not enabled (ENABLED_FRAMEWORKS)`,
      );
    },
    async listAgents(principal) {
      const all = await agents.describe();
      return all.filter(({ agentId }) => mayUse(principal, agentId));
    },
    validateAgent: (subject) => agents.validate(subject),
    async listWorkers({ roles }) {
      const workers = await store.workers.list();
      if (roles.has(AccessRole.ADMIN)) return workers;
      return workers.map((worker) => ({ ...worker, host: "" }));
    },

    tenantUsage: (principal, named) => usageOf(parts, principal, named || principal.tenant),
  };
}

async function usageOf(
  { store, policy }: OperationsParts,
  principal: Principal,
  tenant: string,
): Promise<GetTenantUsageResponse> {
  if (tenant !== principal.tenant && !principal.roles.has(AccessRole.ADMIN)) {
    throw new AgentlaneError("not_found", "TENANT_NOT_FOUND", `there is no tenant ${tenant}`);
  }
  const rule = policy.ruleOf(tenant);
  const usage = await store.tenants.usage(tenant);
  return create(GetTenantUsageResponseSchema, {
    tenant,
    ...(rule && { limits: limitsOf(rule) }),
    queuedTasks: BigInt(usage.queuedCount),
    runningTasks: BigInt(usage.runningCount),
    heldTasks: BigInt(usage.heldCount),
    liveSessions: BigInt(usage.sessionCount),
    tokensToday: BigInt(usage.tokenCount),
    storedBytes: BigInt(usage.storedBytes),
  });
}

function limitsOf(rule: TenantRule): MessageInitShape<typeof TenantLimitsSchema> {
  const { weight, requestsPerSecond, burst } = rule;
  const whole = (value: number | undefined): bigint | undefined =>
    value === undefined ? undefined : BigInt(value);
  return {
    weight,
    requestsPerSecond,
    burst,
    maxQueuedTasks: whole(rule.maxQueuedTasks),
    maxRunningTasks: whole(rule.maxRunningTasks),
    maxLiveSessions: whole(rule.maxLiveSessions),
    tokensPerDay: whole(rule.tokensPerDay),
    maxStoredBytes: whole(rule.maxStoredBytes),
  };
}

async function statsOf(parts: OperationsParts, name: string): Promise<QueueStats> {
  const { store, queue, clock } = parts;
  const [figures, depth] = await Promise.all([store.log.figures(name), queue.depth(name)]);
  const averageMs = figures.attemptCount === 0 ? 0 : figures.attemptTotalMs / figures.attemptCount;
  return create(QueueStatsSchema, {
    queueName: name,
    pendingMessages: figures.readyCount,
    processingMessages: figures.runningCount,
    completedMessages: BigInt(figures.completedCount),
    failedMessages: BigInt(figures.failedCount),
    averageProcessingTime: averageMs / 1000,
    pendingByPriority: [...depth.pendingByPriority].map(([priority, count]) => ({
      priority,
      count,
    })),
    ...(depth.oldestPublishedAt !== undefined && {
      oldestPendingAge: durationFromMs(Math.max(0, clock.now() - depth.oldestPublishedAt)),
    }),
    waitingMessages: figures.waitingCount,
    maxSize: parts.maxQueueSize,
    deadLetteredMessages: BigInt(depth.deadLetteredCount),
  });
}
