/**
 * Every environment variable: name, default, what it accepts and what it means. The README's table,
 * `agentlane config` and the errors of a bad value all come from here.
 */
import { z } from "zod";
import { access } from "./config-access.ts";
import { audit } from "./config-audit.ts";
import { client } from "./config-client.ts";
import { webConsole } from "./config-console.ts";
import { encryption } from "./config-encryption.ts";
import {
  choice,
  count,
  file,
  flag,
  hours,
  maybe,
  names,
  origins,
  preset,
  seconds,
  url,
} from "./config-fields.ts";
import { outbound } from "./config-outbound.ts";
import { logging, metrics, tracing } from "./config-telemetry.ts";
import { tenants } from "./config-tenants.ts";

const server = {
  HOST: preset(z.string().regex(/^[^\s/]+$/), "127.0.0.1", {
    expects: "a host name or an IP address",
    meaning:
      "Address to listen on. Anything but loopback needs one of the ways to authenticate callers under Access.",
  }),
  PORT: count(
    "50051",
    "Port for gRPC, gRPC-web, Connect and HTTP+JSON; 0 = any free one.",
    0,
    65_535,
  ),
  TLS_CERT: file("PEM certificate chain; turns TLS on, together with TLS_KEY.", "/etc/tls/tls.crt"),
  TLS_KEY: file("PEM private key of TLS_CERT.", "/etc/tls/tls.key"),
  TLS_CLIENT_CA: file(
    "PEM bundle of the authorities whose client certificates are accepted.",
    "/etc/tls/clients.crt",
  ),
  CORS_ORIGINS: maybe(origins, {
    expects: "origins like https://app.example.com, separated by commas",
    example: "https://app.example.com,http://localhost:5173",
    meaning: "Origins whose pages may call from a browser; pages of this port always may.",
  }),
  MAX_MESSAGE_BYTES: count(
    "4194304",
    "Largest request and response message, in bytes.",
    1024,
    1_073_741_824,
  ),
  MAX_CONCURRENT_STREAMS: count("100", "Calls at once on one HTTP/2 connection.", 1, 2_147_483_647),
  MAX_CONNECTIONS: count("10000", "Connections at once."),
  MAX_WATCHERS: count("10000", "Streams and waiting calls at once that watch a task."),
  DRAIN_TIMEOUT: seconds(
    "30",
    "How long a stop waits for running work, in seconds; what is left is handed back.",
  ),
};

const tasks = {
  TASK_MANAGER_ENABLED: flag("true", "false = a gateway only, which runs no tasks itself."),
  TASK_MANAGER_WORKERS: count("10", "Attempts that this process runs at once.", 1, 100_000),
  WORKER_QUEUES: maybe(names, {
    expects: "queue names separated by commas",
    example: "agent.tasks,agent.slow",
    meaning: "Queues this process takes tasks from. Default: all that its agents name.",
  }),
  TASK_CLEANUP_INTERVAL: seconds("3600", "How often idle instances are looked for, in seconds."),
  INSTANCE_TIMEOUT: seconds("7200", "An instance idle for this long is evicted, in seconds."),
  MAX_INSTANCES: count("10000", "Live instances at once; the least recently used goes first."),
  LEASE_DURATION: seconds(
    "15",
    "A worker that has not renewed its lease for this long has lost the task, in seconds.",
  ),
  LEASE_RENEW_INTERVAL: seconds("5", "How often a worker renews its leases, in seconds."),
  CANCEL_GRACE: seconds(
    "5",
    "How long a canceled attempt may take to stop before it is ended without it, in seconds.",
  ),
  MAX_TASK_EVENTS: count(
    "200000",
    "Events that one attempt of a task may emit; one that emits more fails with RESOURCE_EXHAUSTED (OUTPUT_TOO_LARGE) and is not retried.",
  ),
  MAX_TASK_LOG_BYTES: count(
    "134217728",
    "Size of the events that one attempt may emit, in bytes, roughly; more fails the same way.",
    1024,
    1_099_511_627_776,
  ),
  SWEEP_INTERVAL: seconds(
    "1",
    "How often due retries, deadlines, expired leases and lost doorbells are looked for, in seconds.",
  ),
};

const queue = {
  MESSAGE_QUEUE_TYPE: choice(
    ["memory", "redis", "rabbitmq"],
    "memory",
    "How ready tasks are found.",
  ),
  REDIS_URL: preset(url(/^rediss?$/), "redis://localhost:6379", {
    expects: "a redis:// or rediss:// URL",
    meaning: "Redis, where the queue or the store is Redis.",
    secret: "password",
  }),
  REDIS_KEY_PREFIX: preset(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/), "agentlane", {
    expects: "up to 64 letters, digits, dots, dashes and underscores",
    meaning:
      "In front of all keys in Redis, as a hash tag. Processes with the same one are one installation.",
  }),
  RABBITMQ_URL: preset(url(/^amqps?$/), "amqp://localhost:5672", {
    expects: "an amqp:// or amqps:// URL",
    meaning: "RabbitMQ, where the queue is RabbitMQ; the path is the vhost.",
    secret: "password",
  }),
  RABBITMQ_PREFIX: preset(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/), "agentlane", {
    expects: "up to 64 letters, digits, dots, dashes and underscores",
    meaning:
      "In front of all names of exchanges and queues in RabbitMQ. Processes with the same one are one installation.",
  }),
  RABBITMQ_QUEUE_TYPE: choice(
    ["quorum", "classic"],
    "quorum",
    "Of the queues that keep doorbells in RabbitMQ. All processes of an installation need the same one.",
  ),
  STORE_URL: maybe(z.string().regex(/^(memory|sqlite:.+|(rediss?|postgres|postgresql):\/\/.+)$/), {
    expects: "memory, or a redis://, postgres:// or sqlite: URL",
    example: "postgres://agentlane@localhost/agentlane",
    meaning: "Where the truth lives. Default: memory, or REDIS_URL where the queue is Redis.",
    secret: "password",
  }),
  POSTGRES_SCHEMA: preset(z.string().regex(/^[a-z][a-z0-9_]{0,62}$/), "agentlane", {
    expects: "up to 63 lower-case letters, digits and underscores, a letter first",
    meaning:
      "The schema of our tables, where the store is PostgreSQL. Processes with the same one are one installation.",
  }),
  POSTGRES_POOL_SIZE: count("10", "Connections of this process to PostgreSQL at most.", 1, 1000),
  POSTGRES_MIGRATE: choice(
    ["auto", "manual"],
    "auto",
    "auto = a start brings the schema up to date; manual = it refuses to, and says to run `agentlane migrate`.",
  ),
  MAX_QUEUE_SIZE: count(
    "10000",
    "Unfinished tasks a queue takes; more are refused with RESOURCE_EXHAUSTED.",
  ),
  MESSAGE_RETENTION_HOURS: hours(
    "24",
    "How long the log of a finished task can be read, in hours.",
  ),
  TASK_RETENTION_HOURS: hours(
    "48",
    "How long a finished task itself can be read, in hours; at least MESSAGE_RETENTION_HOURS.",
  ),
  DEAD_LETTER_RETENTION_HOURS: hours("168", "How long a dead letter is kept, in hours."),
  SESSION_RETENTION_HOURS: hours(
    "720",
    "How long a session is kept after its last turn, in hours.",
  ),
  MEMORY_MAX_ENDED_TASKS: count(
    "100000",
    "Finished tasks that the memory store keeps at most, whatever the retention; the oldest go first. About 5 kB each.",
  ),
  MEMORY_MAX_ENDED_EVENTS: count(
    "1000000",
    "Events in logs of finished tasks that the memory store keeps at most. About 500 bytes each.",
  ),
  SQLITE_SYNCHRONOUS: choice(
    ["full", "normal"],
    "full",
    "full = what the SQLite store has answered survives a power loss; normal = it survives the death of the process only, and costs no sync.",
  ),
};

const agents = {
  AGENTS: file(
    "The agents file: agentlane.json or a LangGraph project's langgraph.json. Default: the built-in agents.",
    "./agentlane.json",
  ),
  DEFAULT_MODEL: preset(z.string().min(1), "openai:gpt-5-mini", {
    expects: "a model in initChatModel's form, provider:model",
    meaning: "Model of the built-in chat and react agents.",
  }),
  DEFAULT_FRAMEWORK: preset(z.string().min(1), "langgraph", {
    expects: "one of ENABLED_FRAMEWORKS",
    meaning: "The framework of agents that name none.",
  }),
  ENABLED_FRAMEWORKS: preset(names, "langgraph", {
    expects: "framework names separated by commas",
    meaning: "Frameworks to load. This release has langgraph.",
  }),
  MAX_CONCURRENT_AGENTS: count(
    "100",
    "Upper limit for TASK_MANAGER_WORKERS: turns that one process may run at once.",
    1,
    100_000,
  ),
  AGENT_EXECUTION_TIMEOUT: seconds(
    "300",
    "Limit on an attempt where neither request nor agent sets one, in seconds.",
  ),
};

/** Variables by the section they are documented in. */
export const SECTIONS: Readonly<Record<string, Readonly<Record<string, z.ZodType>>>> = {
  Server: server,
  Access: access,
  "Tasks and workers": tasks,
  "Queue and store": queue,
  Encryption: encryption,
  Agents: { ...agents, ...outbound },
  Tenants: tenants,
  "Audit log": audit,
  Console: webConsole,
  Logging: logging,
  Metrics: metrics,
  Tracing: tracing,
  "Command line": client,
};

export const environment = z.object({
  ...server,
  ...access,
  ...tasks,
  ...queue,
  ...encryption,
  ...agents,
  ...outbound,
  ...tenants,
  ...audit,
  ...webConsole,
  ...logging,
  ...metrics,
  ...tracing,
  ...client,
});

export type Values = z.infer<typeof environment>;
