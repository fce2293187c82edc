import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { configTable, describeConfig, loadConfig } from "../src/config.ts";
import { AgentlaneError } from "../src/errors.ts";

function problems(env: Record<string, string>): string[] {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof AgentlaneError && error.reason === "CONFIG_INVALID") {
      return error.fieldViolations.map((violation) => violation.description);
    }
    throw error;
  }
  return [];
}

test("the source document's names and defaults hold", () => {
  const config = loadConfig({});
  expect(config.worker).toMatchObject({ enabled: true, slots: 10, queues: undefined });
  expect(config.worker).toMatchObject({ leaseMs: 15_000, leaseRenewIntervalMs: 5000 });
  expect(config.worker.logLimits).toEqual({ maxEvents: 200_000, maxBytes: 128 * 1024 * 1024 });
  expect(config.instances).toEqual({
    timeoutMs: 7_200_000,
    cleanupIntervalMs: 3_600_000,
    maxCount: 10_000,
  });
  expect(config.queue).toEqual({
    type: "memory",
    redisUrl: "redis://localhost:6379",
    redisKeyPrefix: "agentlane",
    rabbitmqUrl: "amqp://localhost:5672",
    rabbitmqPrefix: "agentlane",
    rabbitmqQueueType: "quorum",
  });
  expect(config.taskManager).toMatchObject({ maxQueueSize: 10_000, attemptTimeoutMs: 300_000 });
  expect(config.sweeper.logRetentionMs).toBe(24 * 3_600_000);
  expect(config.frameworks).toEqual({ default: "langgraph", enabled: ["langgraph"] });
  expect(config.server).toMatchObject({ host: "127.0.0.1", port: 50_051, tls: undefined });
  expect(config.store).toMatchObject({ type: "memory", url: "memory" });
  expect(config.tracing).toBeUndefined();
});

test("all bad variables are reported at once, each with its value and an example", () => {
  expect(
    problems({
      PORT: "70000",
      TASK_MANAGER_WORKERS: "ten",
      MESSAGE_QUEUE_TYPE: "kafka",
      TASK_MANAGER_ENABLED: "yes",
      OTEL_EXPORTER_OTLP_HEADERS: "hunter2",
      REDIS_URL: "http://user:hunter2@localhost",
    }),
  ).toEqual([
    "PORT=70000: must be a whole number from 0 to 65535, for example PORT=50051",
    "TASK_MANAGER_ENABLED=yes: must be true or false, for example TASK_MANAGER_ENABLED=true",
    "TASK_MANAGER_WORKERS=ten: must be a whole number from 1 to 100000, for example TASK_MANAGER_WORKERS=10",
    "MESSAGE_QUEUE_TYPE=kafka: must be one of memory, redis, rabbitmq, for example MESSAGE_QUEUE_TYPE=memory",
    "REDIS_URL=http://user:***@localhost: must be a redis:// or rediss:// URL, for example REDIS_URL=redis://localhost:6379",
    "OTEL_EXPORTER_OTLP_HEADERS=***: must be key=value pairs separated by commas, for example OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20token",
  ]);
});

test.each([
  [{ TLS_CERT: "a.crt" }, "TLS_CERT"],
  [{ TLS_CLIENT_CA: "ca.crt" }, "TLS_CLIENT_CA"],
  [{ HOST: "0.0.0.0" }, "HOST"],
  [{ HOST: "0.0.0.0", AUTH_MODULE: "" }, "HOST"],
  [{ JWT_ISSUER: "https://login.example.com" }, "JWT_AUDIENCE"],
  [{ JWT_AUDIENCE: "agentlane" }, "JWT_AUDIENCE"],
  [{ JWT_JWKS: "./jwks.json" }, "JWT_JWKS"],
  [{ TLS_CLIENT_PRINCIPALS: "certificates.json" }, "TLS_CLIENT_PRINCIPALS"],
  [{ TLS_CLIENT_AUTH: "optional" }, "TLS_CLIENT_AUTH"],
  [{ AUDIT_LOG_FAILURE: "refuse" }, "AUDIT_LOG_FAILURE"],
  [{ AUDIT_LOG_FAILURE: "refuse", AUDIT_LOG: "off", API_KEYS: "true" }, "AUDIT_LOG_FAILURE"],
  [{ LEASE_DURATION: "5" }, "LEASE_RENEW_INTERVAL"],
  [{ TASK_RETENTION_HOURS: "1" }, "TASK_RETENTION_HOURS"],
  [{ TASK_MANAGER_WORKERS: "200" }, "TASK_MANAGER_WORKERS"],
  [{ DEFAULT_FRAMEWORK: "crewai" }, "DEFAULT_FRAMEWORK"],
  [{ TASK_MANAGER_ENABLED: "false" }, "TASK_MANAGER_ENABLED"],
  [{ MESSAGE_QUEUE_TYPE: "rabbitmq" }, "STORE_URL"],
  [{ MESSAGE_QUEUE_TYPE: "redis", STORE_URL: "memory" }, "STORE_URL"],
  [{ MESSAGE_QUEUE_TYPE: "redis", STORE_URL: "sqlite:a.db" }, "STORE_URL"],
  [{ MESSAGE_QUEUE_TYPE: "rabbitmq", STORE_URL: "sqlite:a.db" }, "STORE_URL"],
  [{ STORE_URL: "redis://localhost", TASK_MANAGER_ENABLED: "false" }, "TASK_MANAGER_ENABLED"],
  [{ OTEL_BSP_MAX_QUEUE_SIZE: "10" }, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE"],
])("%o contradicts itself in %s", (env, field) => {
  const found = problems(env);
  expect(found).toHaveLength(1);
  expect(found[0]).toMatch(new RegExp(`^${field}: `));
});

test.each([
  { API_KEYS: "true" },
  { API_KEYS_FILE: "keys.json" },
  { AUTH_MODULE: "./module.js" },
  { JWT_ISSUER: "https://login.example.com", JWT_AUDIENCE: "agentlane" },
  { TLS_CERT: "a.crt", TLS_KEY: "a.key", TLS_CLIENT_CA: "ca.crt" },
])("%o lets other machines in", (env) => {
  expect(loadConfig({ ...env, HOST: "0.0.0.0" }).access.authenticating).toBe(true);
});

test.each([
  { JWT_ISSUER: "http://login.example.com", JWT_AUDIENCE: "agentlane" },
  { JWT_ISSUER: "https://l.example", JWT_AUDIENCE: "a", JWT_JWKS: "http://l.example/jwks" },
  { JWT_ISSUER: "https://l.example", JWT_AUDIENCE: "a", JWT_ALGORITHMS: "RS256,HS256" },
  { JWT_ISSUER: "https://l.example", JWT_AUDIENCE: "a", JWT_ALGORITHMS: "none" },
])("%o is refused: anybody could make such tokens", (env) => {
  expect(problems(env)).toHaveLength(1);
});

test("an empty variable counts as not set", () => {
  expect(loadConfig({ PORT: "", STORE_URL: "" }).server.port).toBe(50_051);
});

test("durations become milliseconds, lists and pairs are split", () => {
  const config = loadConfig({
    DRAIN_TIMEOUT: "0.5",
    WORKER_QUEUES: "agent.tasks, slow",
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318/",
    OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20t,x-a=b",
    OTEL_TRACES_SAMPLER: "traceidratio",
    OTEL_TRACES_SAMPLER_ARG: "0.25",
  });
  expect(config.drainTimeoutMs).toBe(500);
  expect(config.worker.queues).toEqual(["agent.tasks", "slow"]);
  expect(config.tracing).toMatchObject({
    endpoint: "http://collector:4318/v1/traces",
    headers: { authorization: "Bearer t", "x-a": "b" },
    sampler: "traceidratio",
    samplerRatio: 0.25,
  });
});

test("tracing is off without an endpoint, and when it is switched off", () => {
  const endpoint = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://c/v1/traces" };
  expect(loadConfig(endpoint).tracing?.endpoint).toBe("http://c/v1/traces");
  expect(loadConfig({ ...endpoint, OTEL_SDK_DISABLED: "true" }).tracing).toBeUndefined();
  expect(loadConfig({ ...endpoint, OTEL_TRACES_EXPORTER: "none" }).tracing).toBeUndefined();
  expect(loadConfig({ OTEL_TRACES_EXPORTER: "otlp" }).tracing?.endpoint).toBe(
    "http://localhost:4318/v1/traces",
  );
});

test.each(["postgres://u@h/d", "postgresql://u@h/d"])("%s is a store of any queue", (url) => {
  for (const queue of ["memory", "redis", "rabbitmq"]) {
    const config = loadConfig({ STORE_URL: url, MESSAGE_QUEUE_TYPE: queue });
    expect(config.store).toMatchObject({ type: "postgres", url });
  }
});

test("the store of a Redis queue is Redis where none is named", () => {
  const config = loadConfig({ MESSAGE_QUEUE_TYPE: "redis", REDIS_URL: "rediss://r:1" });
  expect(config.store).toMatchObject({ type: "redis", url: "rediss://r:1" });
});

test("a SQLite store goes with the memory queue, its path as written", () => {
  const config = loadConfig({ STORE_URL: "sqlite:./a.db" });
  expect(config.store.sqlite).toEqual({ path: "./a.db", synchronous: "full" });
});

test("the description shows every variable and no secret", () => {
  const text = describeConfig(
    loadConfig({
      PORT: "8080",
      REDIS_URL: "redis://user:hun:ter2@host:6379",
      RABBITMQ_URL: "amqp://hunter2@host",
      MESSAGE_QUEUE_TYPE: "redis",
      STORE_URL: "redis://host/0?password=hunter2",
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=hunter2",
    }),
  );
  expect(text).not.toMatch(/hun:?ter2/);
  expect(text).toContain("PORT=8080\n");
  expect(text).toContain("REDIS_URL=redis://user:***@host:6379");
  expect(text).toMatch(/INSTANCE_TIMEOUT=7200 +# default/);
});

test("the README's table is the one of the program", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  expect(readme).toContain(configTable());
});
