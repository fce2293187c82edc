/**
 * Every metric that we expose, in one table: the instruments, docs/observability.md and its test come
 * from here. Names follow the semantic conventions (names.ts), `agentlane.*` are our own. Attributes
 * are a fixed list of words with few values: never the id of a task, a session or a client.
 */
import * as names from "./names.ts";

export interface MetricDefinition<Attributes extends readonly string[] = readonly string[]> {
  readonly name: string;
  /** A sum only grows; a gauge is a reading of now. */
  readonly kind: "counter" | "histogram" | "gauge";
  /** UCUM. */
  readonly unit: string;
  readonly description: string;
  /** In the order in which values are given. An empty value leaves its attribute out. */
  readonly attributes: Attributes;
  /** Of a histogram: upper bounds of its buckets. */
  readonly boundaries: readonly number[];
}

/** The conventions' boundaries for calls and messages, in seconds. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
/** The conventions' boundaries for databases. */
const STORE_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];
/** A turn of an agent, and a wait for a worker: seconds to an hour. */
const LONG_SECONDS = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600];
/** The conventions' boundaries for models. */
const MODEL_SECONDS = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];
const TOKENS = [
  1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216,
  67_108_864,
];
const NONE: readonly number[] = [];

function counter<const A extends readonly string[]>(
  name: string,
  unit: string,
  attributes: A,
  description: string,
): MetricDefinition<A> {
  return { name, kind: "counter", unit, description, attributes, boundaries: NONE };
}

function gauge<const A extends readonly string[]>(
  name: string,
  unit: string,
  attributes: A,
  description: string,
): MetricDefinition<A> {
  return { name, kind: "gauge", unit, description, attributes, boundaries: NONE };
}

function histogram<const A extends readonly string[]>(
  name: string,
  unit: string,
  boundaries: readonly number[],
  attributes: A,
  description: string,
): MetricDefinition<A> {
  return { name, kind: "histogram", unit, description, attributes, boundaries };
}

const MODEL = [
  names.ATTR_GEN_AI_OPERATION_NAME,
  names.ATTR_GEN_AI_PROVIDER_NAME,
  names.ATTR_GEN_AI_REQUEST_MODEL,
] as const;
const MESSAGE = [
  names.ATTR_MESSAGING_OPERATION_NAME,
  names.ATTR_MESSAGING_SYSTEM_NAME,
  names.ATTR_MESSAGING_DESTINATION_NAME,
  names.ATTR_ERROR_TYPE,
] as const;
const AGENT = names.ATTR_GEN_AI_AGENT_ID;
const QUEUE = names.ATTR_QUEUE;

export const METRICS = {
  callDuration: histogram(
    "rpc.server.call.duration",
    "s",
    SECONDS,
    [
      names.ATTR_RPC_SYSTEM_NAME,
      names.ATTR_RPC_METHOD,
      names.ATTR_RPC_STATUS_CODE,
      names.ATTR_ERROR_TYPE,
    ],
    "Calls from their headers to their last message. A call of OpenAI's protocol has its route as method.",
  ),
  messagingOperation: histogram(
    "messaging.client.operation.duration",
    "s",
    SECONDS,
    MESSAGE,
    "publish: accepting a task and ringing its doorbell. send: the broker's part of it. ack and nack: settling a delivery.",
  ),
  messagingProcess: histogram(
    "messaging.process.duration",
    "s",
    LONG_SECONDS,
    MESSAGE,
    "Attempts from their doorbell to their written ending; error.type is the reason of a failure.",
  ),
  sentMessages: counter(
    "messaging.client.sent.messages",
    "{message}",
    [names.ATTR_MESSAGING_SYSTEM_NAME, names.ATTR_MESSAGING_DESTINATION_NAME],
    "Doorbells rung: a task was accepted, promoted, due again, redriven, or its doorbell was lost.",
  ),
  queueMessages: gauge(
    "agentlane.queue.messages",
    "{message}",
    [QUEUE, names.ATTR_PRIORITY],
    "Doorbells that wait for a worker. Every process reports the same figure: take the maximum.",
  ),
  queueTasks: gauge(
    "agentlane.queue.tasks",
    "{task}",
    [QUEUE, names.ATTR_TASK_STATE],
    "Tasks by where they are: ready, waiting (behind their lane's head), retry_wait, running, dead_letter. Take the maximum over processes.",
  ),
  oldestReadyAge: gauge(
    "agentlane.queue.oldest_ready.age",
    "s",
    [QUEUE],
    "How long the oldest waiting doorbell has waited; 0 = none waits. Take the maximum over processes.",
  ),
  queueWait: histogram(
    "agentlane.queue.wait.duration",
    "s",
    LONG_SECONDS,
    [QUEUE, names.ATTR_PRIORITY],
    "From the doorbell to the claim.",
  ),
  oldestRunningAge: gauge(
    "agentlane.task.oldest_running.age",
    "s",
    [],
    "How long the oldest attempt of this process has been running; 0 = none runs.",
  ),
  overdueLeaseAge: gauge(
    "agentlane.lease.overdue.age",
    "s",
    [],
    "How long ago the oldest lease ended that nobody has acted upon: a running task without a worker. Take the maximum over processes.",
  ),
  transitions: counter(
    "agentlane.task.transitions",
    "{transition}",
    [AGENT, names.ATTR_TASK_STATE],
    "State changes of tasks, by the state they lead to. Counted by the process that writes the change.",
  ),
  attempts: counter(
    "agentlane.task.attempts",
    "{attempt}",
    [AGENT, names.ATTR_OUTCOME],
    "Ended attempts.",
  ),
  retries: counter(
    "agentlane.task.retries",
    "{task}",
    [AGENT, names.ATTR_ERROR_TYPE],
    "Attempts that failed and are followed by another, by the reason of the failure.",
  ),
  deadLetters: counter(
    "agentlane.task.dead_letters",
    "{task}",
    [AGENT, names.ATTR_ERROR_TYPE],
    "Tasks that became dead letters, by the reason.",
  ),
  redrives: counter(
    "agentlane.task.redrives",
    "{task}",
    [AGENT],
    "Dead letters that were sent back.",
  ),
  leaseLosses: counter(
    "agentlane.lease.losses",
    "{lease}",
    [],
    "Attempts of this process that were aborted because their lease was lost.",
  ),
  fenceRefusals: counter(
    "agentlane.lease.fence_refusals",
    "{write}",
    [names.ATTR_STORE_OPERATION],
    "Writes and renewals of attempts that the store refused, because their fence was stale.",
  ),
  instances: gauge("agentlane.instances", "{instance}", [], "Live instances of this process."),
  evictions: counter(
    "agentlane.instance.evictions",
    "{instance}",
    [names.ATTR_EVICTION_CAUSE],
    "Instances dropped: idle for too long, for room, replaced (session destroyed or imported), stale (the session went on elsewhere).",
  ),
  instanceLookups: counter(
    "agentlane.instance.lookups",
    "{lookup}",
    [names.ATTR_LOOKUP_RESULT],
    "Turns of sessions that found their instance warm (hit) or built it (miss).",
  ),
  workers: gauge(
    "agentlane.workers",
    "{worker}",
    [],
    "1 in a process that runs tasks, 0 in a gateway.",
  ),
  slots: gauge(
    "agentlane.worker.slots",
    "{slot}",
    [names.ATTR_SLOT_STATE],
    "Attempts that this process runs (busy) and could run besides (free).",
  ),
  watchers: gauge("agentlane.watchers", "{watcher}", [], "Open watches of this process."),
  watcherBytes: gauge(
    "agentlane.watcher.buffered",
    "By",
    [],
    "Events buffered for the watchers of this process, approximately.",
  ),
  streamResumes: counter(
    "agentlane.stream.resumes",
    "{stream}",
    [],
    "Streams that went on after a sequence: WatchTask with after_sequence.",
  ),
  tokenUsage: histogram(
    "gen_ai.client.token.usage",
    "{token}",
    TOKENS,
    [...MODEL, names.ATTR_GEN_AI_TOKEN_TYPE],
    "Tokens of a model call, as the provider reports them.",
  ),
  modelDuration: histogram(
    "gen_ai.client.operation.duration",
    "s",
    MODEL_SECONDS,
    [...MODEL, names.ATTR_ERROR_TYPE],
    "Model calls.",
  ),
  timeToFirstChunk: histogram(
    "gen_ai.client.operation.time_to_first_chunk",
    "s",
    MODEL_SECONDS,
    MODEL,
    "From a model call to its first piece, of streams.",
  ),
  storeOperation: histogram(
    "db.client.operation.duration",
    "s",
    STORE_SECONDS,
    [names.ATTR_DB_SYSTEM_NAME, names.ATTR_DB_OPERATION_NAME, names.ATTR_ERROR_TYPE],
    "Operations of the store, named as the store calls them.",
  ),
  connectionLosses: counter(
    "agentlane.connection.losses",
    "{connection}",
    [names.ATTR_CONNECTION],
    "Connections to store and broker that were lost and are built anew.",
  ),
  loopDelayMean: gauge(
    "nodejs.eventloop.delay.mean",
    "s",
    [],
    "Lateness of the event loop since the last reading; with two readers, of the shorter one's interval.",
  ),
  loopDelayP50: gauge("nodejs.eventloop.delay.p50", "s", [], "Its median."),
  loopDelayP99: gauge("nodejs.eventloop.delay.p99", "s", [], "Its 99th percentile."),
  loopDelayMax: gauge("nodejs.eventloop.delay.max", "s", [], "Its maximum."),
  loopUtilization: gauge(
    "nodejs.eventloop.utilization",
    "1",
    [],
    "Share of the time in which the event loop was busy, since the last reading.",
  ),
  cpuTime: counter("process.cpu.time", "s", [names.ATTR_CPU_MODE], "CPU time of the process."),
  memoryUsage: gauge("process.memory.usage", "By", [], "Resident memory of the process."),
  heapUsed: gauge("v8js.memory.heap.used", "By", [], "Used heap of the main thread."),
} as const;
