/** `agentlane status`: the installation at a glance. */
import {
  type FrameworkHealth,
  FrameworkHealthSchema,
  type GetTaskManagerStatusResponse,
  GetTaskManagerStatusResponseSchema,
  type QueueStats,
  QueueStatsSchema,
  type Worker,
  WorkerSchema,
} from "../../../sdk/typescript/src/node.ts";
import { duration, instant } from "../format.ts";
import { contractJson, document } from "../json.ts";
import { remoteCommand, repeated } from "../remote.ts";
import { type Column, fields, table } from "../table.ts";

export const statusCommand = remoteCommand({
  name: "status",
  summary: "Shows the figures of tasks, queues, workers and frameworks",
  options: {},
  operands: {},
  async run(_given, remote) {
    const { operations } = remote.client;
    const [status, { queues }, { workers }, { frameworks }] = await Promise.all([
      repeated(remote, (wire) => operations.getTaskManagerStatus({}, wire)),
      repeated(remote, (wire) => operations.getQueueStats({}, wire)),
      repeated(remote, (wire) => operations.listWorkers({}, wire)),
      repeated(remote, (wire) => operations.getFrameworkHealth({}, wire)),
    ]);
    const { terminal } = remote;
    const shown = remote.isJson
      ? document({
          taskManager: contractJson(GetTaskManagerStatusResponseSchema, status),
          queues: queues.map((queue) => contractJson(QueueStatsSchema, queue)),
          workers: workers.map((worker) => contractJson(WorkerSchema, worker)),
          frameworks: frameworks.map((one) => contractJson(FrameworkHealthSchema, one)),
        })
      : [
          fields(terminal, overview(status, remote.url)),
          table(terminal, QUEUE_COLUMNS, queues),
          table(terminal, WORKER_COLUMNS, workers),
          table(terminal, FRAMEWORK_COLUMNS, frameworks),
        ].join("\n");
    await terminal.write(shown);
    return 0;
  },
});

function overview(status: GetTaskManagerStatusResponse, url: string): [string, string][] {
  const state = status.draining ? "draining" : status.taskManagerRunning ? "running" : "stopped";
  return [
    ["server", `${url}, version ${status.version}, ${state}, since ${instant(status.startedAt)}`],
    ["backends", `queue ${status.messageQueueType}, store ${status.storeType}`],
    [
      "tasks",
      `${status.queuedTasks} queued, ${status.runningTasks} running, ${status.waitingTasks} waiting for a retry`,
    ],
    ["dead letters", `${status.deadLetters}`],
    ["workers", `${status.workerCount} slots`],
    ["instances", `${status.activeInstances} live, ${status.instancesCleaned} cleaned up here`],
    ["watchers", `${status.watchers} here`],
  ];
}

const QUEUE_COLUMNS: readonly Column<QueueStats>[] = [
  { title: "QUEUE", value: (queue) => queue.queueName },
  { title: "READY", value: (queue) => `${queue.pendingMessages}`, isRight: true },
  { title: "WAITING", value: (queue) => `${queue.waitingMessages}`, isRight: true },
  { title: "RUNNING", value: (queue) => `${queue.processingMessages}`, isRight: true },
  { title: "DONE", value: (queue) => `${queue.completedMessages}`, isRight: true },
  { title: "FAILED", value: (queue) => `${queue.failedMessages}`, isRight: true },
  {
    title: "MEAN RUN",
    value: (queue) => `${queue.averageProcessingTime.toFixed(2)} s`,
    isRight: true,
  },
  { title: "OLDEST READY", value: (queue) => duration(queue.oldestPendingAge), isRight: true },
  { title: "LIMIT", value: (queue) => `${queue.maxSize}`, isRight: true },
];

const WORKER_COLUMNS: readonly Column<Worker>[] = [
  { title: "WORKER", value: (worker) => worker.workerId },
  { title: "HOST", value: (worker) => worker.host, isFlexible: true },
  { title: "BUSY", value: (worker) => `${worker.busySlots}/${worker.slots}`, isRight: true },
  { title: "INSTANCES", value: (worker) => `${worker.instanceCount}`, isRight: true },
  { title: "STATE", value: (worker) => (worker.draining ? "draining" : "running") },
  { title: "VERSION", value: (worker) => worker.version },
  { title: "LAST SEEN", value: (worker) => instant(worker.lastSeenAt) },
  { title: "QUEUES", value: (worker) => worker.queues.join(","), isFlexible: true },
];

const FRAMEWORK_COLUMNS: readonly Column<FrameworkHealth>[] = [
  { title: "FRAMEWORK", value: (one) => one.framework },
  { title: "VERSION", value: (one) => one.version },
  { title: "READY", value: (one) => (one.executorInitialized ? "yes" : "no") },
  { title: "TEMPLATES", value: (one) => `${one.templatesLoaded}`, isRight: true },
  { title: "CAN", value: (one) => one.capabilities.join(","), isFlexible: true },
];
