/**
 * The configuration of this process: the environment, checked as a whole. The only reader of
 * process.env. The parts receive their own records from it, durations in milliseconds.
 */
import type { z } from "zod";
import { isLoopback } from "./config-access.ts";
import { clientEnvironment } from "./config-client.ts";
import {
  auditPathOf,
  conflicts,
  isAuthenticating,
  storeType,
  storeUrl,
} from "./config-conflicts.ts";
import { type VariableMeta, variableMeta } from "./config-fields.ts";
import { environment, SECTIONS, type Values } from "./config-variables.ts";
import { AgentlaneError, type FieldViolation } from "./errors.ts";

export type Config = ReturnType<typeof assemble> & {
  /** Every variable as it is in effect, secrets masked. */
  readonly settings: readonly Setting[];
};

export interface Setting {
  readonly section: string;
  readonly name: string;
  /** As one would write it; empty = not set. */
  readonly shown: string;
  readonly isDefault: boolean;
}

/**
 * Reads the environment. An empty variable counts as not set. Throws one `invalid_argument`
 * (CONFIG_INVALID) that names every bad variable, its value and an example of a good one.
 */
export function loadConfig(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  const parsed = environment.safeParse(given);
  const violations = parsed.success
    ? conflicts(parsed.data)
    : wrongValues(parsed.error.issues, given);
  if (!parsed.success || violations.length > 0) throw invalid(violations);
  return { ...assemble(parsed.data), settings: settings(given) };
}

/**
 * Only what the commands need that call a server: they work whatever the variables of a server are.
 * Throws as loadConfig does.
 */
export function loadClientConfig(env: Readonly<Record<string, string | undefined>> = process.env) {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ""));
  const parsed = clientEnvironment.safeParse(given);
  if (!parsed.success) throw invalid(wrongValues(parsed.error.issues, given));
  const values = parsed.data;
  return {
    url: values.AGENTLANE_URL,
    apiKey: values.AGENTLANE_API_KEY,
    caFile: values.AGENTLANE_CA,
    certFile: values.AGENTLANE_CERT,
    keyFile: values.AGENTLANE_KEY,
    timeoutMs: values.AGENTLANE_TIMEOUT,
  };
}

/** Whether a terminal may be written to in colors: https://no-color.org. */
export function allowsColor(env: Given = process.env): boolean {
  return (env.NO_COLOR ?? "") === "" && env.TERM !== "dumb";
}

function invalid(violations: FieldViolation[]): AgentlaneError {
  const lines = violations.map((violation) => `  ${violation.description}`);
  return new AgentlaneError(
    "invalid_argument",
    "CONFIG_INVALID",
    `the configuration has ${lines.length === 1 ? "an error" : `${lines.length} errors`}:\n${lines.join("\n")}`,
    { fieldViolations: violations },
  );
}

/** The process's environment itself, for the `env` of a langgraph.json, which its graphs read there. */
export function processEnvironment(): Record<string, string | undefined> {
  return process.env;
}

/** The process's environment, with what the command line sets on top. */
export function environmentWith(
  given: Readonly<Record<string, string>>,
): Readonly<Record<string, string | undefined>> {
  return { ...process.env, ...given };
}

type Given = Readonly<Record<string, string | undefined>>;

function wrongValues(issues: readonly z.core.$ZodIssue[], given: Given): FieldViolation[] {
  const bad = new Set(issues.map((issue) => String(issue.path[0])));
  return rows()
    .filter((row) => bad.has(row.name))
    .map(({ name, meta }) => ({
      field: name,
      description: `${name}=${mask(given[name] ?? "", meta.secret)}: must be ${meta.expects}, for example ${name}=${meta.example}`,
    }));
}

function assemble(values: Values) {
  return {
    /** Undefined = the built-in agents. */
    agentsFile: values.AGENTS,
    /** Undefined = no limits. */
    tenantsFile: values.TENANTS_FILE,
    /** Of the built-in chat and react agents. */
    defaultModel: values.DEFAULT_MODEL,
    drainTimeoutMs: values.DRAIN_TIMEOUT,
    server: {
      host: values.HOST,
      port: values.PORT,
      /** Paths of PEM files; undefined = cleartext. */
      tls:
        values.TLS_CERT !== undefined && values.TLS_KEY !== undefined
          ? {
              certFile: values.TLS_CERT,
              keyFile: values.TLS_KEY,
              clientCaFile: values.TLS_CLIENT_CA,
              clientCertificateOptional: values.TLS_CLIENT_AUTH === "optional",
            }
          : undefined,
      reflection: values.REFLECTION,
      corsOrigins: values.CORS_ORIGINS ?? [],
      maxMessageBytes: values.MAX_MESSAGE_BYTES,
      maxConcurrentStreams: values.MAX_CONCURRENT_STREAMS,
      maxConnections: values.MAX_CONNECTIONS,
    },
    access: accessOf(values),
    taskManager: {
      maxQueueSize: values.MAX_QUEUE_SIZE,
      maxWatchers: values.MAX_WATCHERS,
      /** Where neither request nor agent sets one. */
      attemptTimeoutMs: values.AGENT_EXECUTION_TIMEOUT,
    },
    worker: {
      /** False = a gateway only. */
      enabled: values.TASK_MANAGER_ENABLED,
      slots: values.TASK_MANAGER_WORKERS,
      /** Undefined = all that the agents name. */
      queues: values.WORKER_QUEUES,
      leaseMs: values.LEASE_DURATION,
      leaseRenewIntervalMs: values.LEASE_RENEW_INTERVAL,
      cancelGraceMs: values.CANCEL_GRACE,
      /** Of one attempt. */
      logLimits: { maxEvents: values.MAX_TASK_EVENTS, maxBytes: values.MAX_TASK_LOG_BYTES },
    },
    instances: {
      timeoutMs: values.INSTANCE_TIMEOUT,
      cleanupIntervalMs: values.TASK_CLEANUP_INTERVAL,
      maxCount: values.MAX_INSTANCES,
    },
    sweeper: {
      intervalMs: values.SWEEP_INTERVAL,
      logRetentionMs: values.MESSAGE_RETENTION_HOURS,
      taskRetentionMs: values.TASK_RETENTION_HOURS,
      deadLetterRetentionMs: values.DEAD_LETTER_RETENTION_HOURS,
      sessionRetentionMs: values.SESSION_RETENTION_HOURS,
    },
    queue: {
      type: values.MESSAGE_QUEUE_TYPE,
      redisUrl: values.REDIS_URL,
      redisKeyPrefix: values.REDIS_KEY_PREFIX,
      rabbitmqUrl: values.RABBITMQ_URL,
      rabbitmqPrefix: values.RABBITMQ_PREFIX,
      rabbitmqQueueType: values.RABBITMQ_QUEUE_TYPE,
    },
    store: storeOf(values),
    /** Paths; both undefined = content is stored as it is. */
    encryption: {
      keysFile: values.PAYLOAD_KEYS_FILE,
      module: values.PAYLOAD_CODEC_MODULE,
    },
    /** Whether the web console is served. */
    webConsole: values.CONSOLE ?? isLoopback(values.HOST),
    frameworks: { default: values.DEFAULT_FRAMEWORK, enabled: values.ENABLED_FRAMEWORKS },
    logging: { level: values.LOG_LEVEL, format: values.LOG_FORMAT },
    outboundAllow: values.OUTBOUND_ALLOW ?? [],
    /** Path undefined = none is kept. */
    audit: { path: auditPathOf(values), onFailure: values.AUDIT_LOG_FAILURE },
    /** Whether prompts, answers and tool data may appear in spans. */
    captureContent: values.OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT,
    /** Undefined = off. */
    tracing: tracing(values),
    /** Undefined = off. */
    metrics: metrics(values),
  };
}

function storeOf(values: Values) {
  const url = storeUrl(values);
  return {
    type: storeType(url),
    url,
    memory: {
      maxEndedTasks: values.MEMORY_MAX_ENDED_TASKS,
      maxEndedEvents: values.MEMORY_MAX_ENDED_EVENTS,
    },
    sqlite: {
      path: url.replace(/^sqlite:/, ""),
      synchronous: values.SQLITE_SYNCHRONOUS,
    },
    postgres: {
      schema: values.POSTGRES_SCHEMA,
      poolSize: values.POSTGRES_POOL_SIZE,
      migrate: values.POSTGRES_MIGRATE,
    },
  };
}

function accessOf(values: Values) {
  return {
    /** False = everybody on this machine may do everything. */
    authenticating: isAuthenticating(values),
    /** Whether API keys of the store are accepted. */
    apiKeys: values.API_KEYS,
    apiKeysFile: values.API_KEYS_FILE,
    jwt:
      values.JWT_ISSUER !== undefined && values.JWT_AUDIENCE !== undefined
        ? {
            issuer: values.JWT_ISSUER,
            audiences: values.JWT_AUDIENCE,
            jwks: values.JWT_JWKS,
            algorithms: values.JWT_ALGORITHMS,
            clockSkewMs: values.JWT_CLOCK_SKEW,
            claims: {
              tenant: values.JWT_TENANT_CLAIM,
              subject: values.JWT_SUBJECT_CLAIM,
              roles: values.JWT_ROLES_CLAIM,
              agents: values.JWT_AGENTS_CLAIM,
            },
            defaultTenant: values.JWT_TENANT,
          }
        : undefined,
    clientPrincipalsFile: values.TLS_CLIENT_PRINCIPALS,
    module: values.AUTH_MODULE,
  };
}

function metrics(values: Values) {
  const base = values.OTEL_EXPORTER_OTLP_ENDPOINT;
  const own = values.OTEL_EXPORTER_OTLP_METRICS_ENDPOINT;
  const wanted =
    values.OTEL_METRICS_EXPORTER ?? (base || own ? ["prometheus", "otlp"] : ["prometheus"]);
  if (values.OTEL_SDK_DISABLED || wanted.includes("none")) return undefined;
  return {
    prometheus: wanted.includes("prometheus")
      ? { host: values.METRICS_HOST, port: values.METRICS_PORT }
      : undefined,
    otlp: wanted.includes("otlp")
      ? {
          endpoint: own ?? `${collectorOf(base)}/v1/metrics`,
          headers: values.OTEL_EXPORTER_OTLP_HEADERS ?? {},
          intervalMs: values.OTEL_METRIC_EXPORT_INTERVAL,
          timeoutMs: values.OTEL_METRIC_EXPORT_TIMEOUT,
        }
      : undefined,
    serviceName: values.OTEL_SERVICE_NAME,
    resourceAttributes: values.OTEL_RESOURCE_ATTRIBUTES ?? {},
  };
}

function collectorOf(base = "http://localhost:4318"): string {
  return base.replace(/\/$/, "");
}

function tracing(values: Values) {
  const base = values.OTEL_EXPORTER_OTLP_ENDPOINT;
  const own = values.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT;
  const wanted = values.OTEL_TRACES_EXPORTER ?? (base || own ? "otlp" : "none");
  if (values.OTEL_SDK_DISABLED || wanted === "none") return undefined;
  return {
    endpoint: own ?? `${collectorOf(base)}/v1/traces`,
    headers: values.OTEL_EXPORTER_OTLP_HEADERS ?? {},
    serviceName: values.OTEL_SERVICE_NAME,
    resourceAttributes: values.OTEL_RESOURCE_ATTRIBUTES ?? {},
    sampler: values.OTEL_TRACES_SAMPLER,
    samplerRatio: values.OTEL_TRACES_SAMPLER_ARG,
    scheduleDelayMs: values.OTEL_BSP_SCHEDULE_DELAY,
    exportTimeoutMs: values.OTEL_BSP_EXPORT_TIMEOUT,
    maxQueueSize: values.OTEL_BSP_MAX_QUEUE_SIZE,
    maxExportBatchSize: values.OTEL_BSP_MAX_EXPORT_BATCH_SIZE,
  };
}

/** What `agentlane config` prints: a line per variable, defaults marked, secrets masked. */
export function describeConfig(config: Config): string {
  const width = Math.max(
    ...config.settings.map((setting) => setting.name.length + setting.shown.length),
  );
  const lines: string[] = [];
  let section = "";
  for (const setting of config.settings) {
    if (setting.section !== section) lines.push(`${section ? "\n" : ""}# ${setting.section}`);
    section = setting.section;
    const line = `${setting.name}=${setting.shown}`;
    lines.push(setting.isDefault ? `${line.padEnd(Math.min(width, 60) + 2)}# default` : line);
  }
  return lines.join("\n");
}

/** The README's table, in Markdown. */
export function configTable(): string {
  return Object.keys(SECTIONS)
    .map((section) => {
      const lines = rows()
        .filter((row) => row.section === section)
        .map(({ name, meta }) => {
          const preset = meta.default === undefined ? "" : `\`${meta.default}\``;
          return `| \`${name}\` | ${preset} | ${meta.meaning} |`;
        });
      return `**${section}**\n\n| variable | default | meaning |\n|---|---|---|\n${lines.join("\n")}`;
    })
    .join("\n\n");
}

function rows() {
  return Object.entries(SECTIONS).flatMap(([section, variables]) =>
    Object.entries(variables).map(([name, schema]) => ({
      section,
      name,
      meta: variableMeta(schema),
    })),
  );
}

function settings(given: Given): Setting[] {
  return rows().map(({ section, name, meta }) => ({
    section,
    name,
    shown: mask(given[name] ?? meta.default ?? "", meta.secret),
    isDefault: given[name] === undefined,
  }));
}

function mask(text: string, secret: VariableMeta["secret"]): string {
  if (secret === undefined || text === "" || text === "memory") return text;
  if (secret === "value" || !/^[a-z+]+:/i.test(text)) return "***";
  return text
    .replace(/^([a-z+]+:\/\/[^:@/]*:).*@/i, "$1***@")
    .replace(/^([a-z+]+:\/\/)[^:@/]+@/i, "$1***@")
    .replace(/([?&][^=&]*(?:password|token|secret|key)[^=&]*=)[^&]*/gi, "$1***");
}
