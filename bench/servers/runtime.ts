/** Our side: the whole runtime in memory, with the executor a case needs. */
import { fileURLToPath } from "node:url";
import { loadConfig } from "../../src/config.ts";
import { agentDefinitionSchema } from "../../src/executor/agent-definition.ts";
import { createRuntime } from "../../src/runtime.ts";
import { silentLogger } from "../../src/telemetry/logging.ts";
import { syntheticExecutor } from "../synthetic-executor.ts";
import { AGENT_ID, CHUNKS_A_STREAM } from "../workload.ts";

export type Executor = "noop" | "chunks" | "trivial" | "streaming";

/** The peers have no limit of their own, so ours is out of the way. */
const SLOTS = "256";

export function benchRuntime(executor: Executor, env: Readonly<Record<string, string>> = {}) {
  const config = loadConfig({
    PORT: "0",
    TASK_MANAGER_WORKERS: SLOTS,
    MAX_CONCURRENT_AGENTS: SLOTS,
    // Short, so that a long run measures the path and not the heap.
    MESSAGE_RETENTION_HOURS: "0.01",
    TASK_RETENTION_HOURS: "0.01",
    ...env,
  });
  const synthetic = executor === "noop" || executor === "chunks";
  const agent = agentDefinitionSchema.parse({
    id: AGENT_ID,
    template: synthetic ? "echo" : "graph",
    ...(synthetic ? {} : { graph: `./graph.ts:${executor}` }),
    baseDir: fileURLToPath(new URL("..", import.meta.url)),
  });
  return createRuntime(config, {
    logger: silentLogger,
    agents: [agent],
    ...(synthetic
      ? { executors: [syntheticExecutor(executor === "chunks" ? CHUNKS_A_STREAM : 0)] }
      : {}),
  });
}
