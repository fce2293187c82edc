/** Our side: the whole runtime, in memory unless configured otherwise, with the executor a case needs. */
import { fileURLToPath } from "node:url";
import { systemClock } from "../../src/clock.ts";
import { type Config, loadConfig } from "../../src/config.ts";
import { agentDefinitionSchema } from "../../src/executor/agent-definition.ts";
import { createRuntime } from "../../src/runtime.ts";
import { createLogger, silentLogger } from "../../src/telemetry/logging.ts";
import type { Metrics } from "../../src/telemetry/metrics.ts";
import { createTelemetry } from "../../src/telemetry/telemetry.ts";
import { syntheticExecutor } from "../synthetic-executor.ts";
import { AGENT_ID, CHUNKS_A_STREAM } from "../workload.ts";

export type Executor =
  | "noop"
  | "waiting"
  | "chunk"
  | "chunks"
  | "trivial"
  | "streaming"
  | "burning";

/** Chunks a stream of the executors that run no graph. */
const CHUNK_COUNTS: Partial<Record<Executor, number>> = {
  noop: 0,
  waiting: 0,
  chunk: 1,
  chunks: CHUNKS_A_STREAM,
};

/** Of the executor that waits, as for a model. */
export const WAIT_MS = 20;

/** The peers have no limit of their own, so ours is out of the way. */
const SLOTS = "256";

export interface Observation {
  /** Metrics and traces, as the environment configures both. */
  readonly observed: boolean;
  /** A line on standard output for each state change. */
  readonly logged: boolean;
}

export async function benchRuntime(
  executor: Executor,
  env: Readonly<Record<string, string>> = {},
  { observed, logged }: Observation = { observed: false, logged: false },
) {
  const config = loadConfig({
    PORT: "0",
    TASK_MANAGER_WORKERS: SLOTS,
    MAX_CONCURRENT_AGENTS: SLOTS,
    // Short, so that a long run measures the path and not the heap.
    MESSAGE_RETENTION_HOURS: "0.01",
    TASK_RETENTION_HOURS: "0.01",
    ...env,
  });
  const chunkCount = CHUNK_COUNTS[executor];
  const synthetic = chunkCount !== undefined;
  const agent = agentDefinitionSchema.parse({
    id: AGENT_ID,
    template: synthetic ? "echo" : "graph",
    ...(synthetic ? {} : { graph: `./graph.ts:${executor}` }),
    baseDir: fileURLToPath(new URL("..", import.meta.url)),
  });
  return createRuntime(config, {
    logger: logged ? createLogger(config.logging) : silentLogger,
    ...(observed ? { metrics: await observe(config) } : {}),
    agents: [agent],
    ...(synthetic
      ? { executors: [syntheticExecutor(chunkCount, executor === "waiting" ? WAIT_MS : 0)] }
      : {}),
  });
}

/** As the program itself does, with the endpoint on any free port. */
async function observe(config: Config): Promise<Metrics> {
  const about = { version: "0", instanceId: "bench", logger: silentLogger, clock: systemClock };
  const telemetry = createTelemetry(config, about);
  await telemetry.start();
  return telemetry.instruments;
}
