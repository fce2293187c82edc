/** The commands of the operators' pages, run as they are written but for ports. */
import { readFileSync } from "node:fs";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { expect, test } from "vitest";
import { AgentService } from "../gen/agentlane/v1/agent_service_pb.js";
import { Role } from "../gen/agentlane/v1/content_pb.js";
import { OperationsService } from "../gen/agentlane/v1/operations_service_pb.js";
import { TaskState } from "../gen/agentlane/v1/task_pb.js";
import { type ServingProcess, serve } from "./harness/process.ts";
import { hasRedis, startRedis } from "./harness/redis-server.ts";

/** The lines of the first shell block under a heading. */
function commandsUnder(page: string, heading: string): string[] {
  const text = readFileSync(new URL(`../docs/${page}`, import.meta.url), "utf8");
  const section = text.split(`## ${heading}\n`)[1] ?? "";
  const block = /```sh\n(.*?)```/s.exec(section)?.[1] ?? "";
  return block.split("\n").filter((line) => line !== "");
}

/** `A=1 B=2` in front of a command, or behind `export`. */
function variables(line: string): Record<string, string> {
  return Object.fromEntries(
    [...line.matchAll(/([A-Z_]+)=(\S+)/g)].map(([, name = "", value = ""]) => [name, value]),
  );
}

function callsOf(process: ServingProcess) {
  const transport = createGrpcTransport({ baseUrl: `http://${process.address}` });
  return {
    agents: createClient(AgentService, transport),
    operations: createClient(OperationsService, transport),
  };
}

test.skipIf(!hasRedis)(
  "docs/redis.md starts gateways and workers that work together",
  async () => {
    const lines = commandsUnder("redis.md", "Start it");
    expect(lines[0]).toBe("redis-server --appendonly yes --maxmemory-policy noeviction");
    const shared = variables(lines.find((line) => line.startsWith("export ")) ?? "");
    expect(shared).toEqual({
      MESSAGE_QUEUE_TYPE: "redis",
      REDIS_URL: "redis://127.0.0.1:6379",
    });
    const starts = lines.filter((line) => line.endsWith("npm start")).map(variables);
    expect(starts.map(({ PORT }) => PORT)).toEqual(["50051", "50052", "0", "0", "0"]);

    const redis = await startRedis({ aof: true });
    const processes: ServingProcess[] = [];
    try {
      const environment = { ...shared, REDIS_URL: redis.url };
      const started = starts.map((own) => serve([], { ...environment, ...own, PORT: "0" }));
      processes.push(...(await Promise.all(started)));
      const message = {
        role: Role.USER,
        content: [{ part: { case: "text" as const, value: "hello" } }],
      };
      for (const gateway of processes.slice(0, 2).map(callsOf)) {
        const request = { agentId: "echo", sessionId: "s1", messages: [message] };
        const { state } = await gateway.agents.execute(request);
        expect(state).toBe(TaskState.COMPLETED);
        expect((await gateway.operations.listWorkers({})).workers).toHaveLength(3);
      }
    } finally {
      for (const process of processes) process.kill("SIGTERM");
      expect(await Promise.all(processes.map(({ exited }) => exited))).toEqual(
        processes.map(() => 0),
      );
      await redis.stop();
    }
  },
  60_000,
);
