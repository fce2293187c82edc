/** A gateway and workers as processes of their own, whose metrics and logs are read. */
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { AgentService } from "../../gen/agentlane/v1/agent_service_pb.js";
import { TaskService } from "../../gen/agentlane/v1/task_service_pb.js";
import { type MetricsPage, parseMetrics } from "./metrics.ts";
import { type ServingProcess, serve } from "./process.ts";

export interface Observed {
  readonly agents: ReturnType<typeof createClient<typeof AgentService>>;
  readonly tasks: ReturnType<typeof createClient<typeof TaskService>>;
  readonly processes: readonly ServingProcess[];
  /** The pages of all processes together: a value is the sum over them. */
  scrape(): Promise<MetricsPage>;
  /** What all processes have logged. */
  lines(): Record<string, unknown>[];
  /** Drains all of them, the gateway first. */
  stop(): Promise<void>;
}

export async function startObserved(
  environment: Readonly<Record<string, string>>,
  workerCount: number,
): Promise<Observed> {
  const common = { METRICS_PORT: "0", ...environment };
  const [gateway, ...workers] = await Promise.all([
    serve([], { ...common, TASK_MANAGER_ENABLED: "false" }),
    ...Array.from({ length: workerCount }, () => serve([], { ...common })),
  ]);
  const processes = [gateway, ...workers];
  const transport = createGrpcTransport({ baseUrl: `http://${gateway.address}` });
  return {
    agents: createClient(AgentService, transport),
    tasks: createClient(TaskService, transport),
    processes,
    async scrape() {
      const pages = await Promise.all(
        processes.map(async (process) => (await fetch(metricsUrlOf(process))).text()),
      );
      return parseMetrics(pages.join(""));
    },
    lines: () =>
      processes.flatMap((process) =>
        process
          .output()
          .split("\n")
          .filter((line) => line.startsWith("{"))
          .map((line): Record<string, unknown> => JSON.parse(line)),
      ),
    async stop() {
      for (const process of processes) {
        process.kill("SIGTERM");
        await process.exited;
      }
    },
  };
}

function metricsUrlOf(process: ServingProcess): string {
  const found = /"port":(\d+),"path":"\/metrics"/.exec(process.output());
  if (!found) throw new Error("the process has told no port of its metrics");
  return `http://127.0.0.1:${found[1]}/metrics`;
}
