/** The commands of the operators' pages, run as they are written but for ports. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

test("docs/sqlite.md starts a process whose file can be read meanwhile", async () => {
  const [line = "", ...others] = commandsUnder("sqlite.md", "Start it");
  expect(others).toEqual([]);
  expect(variables(line)).toEqual({ STORE_URL: "sqlite:./agentlane.db" });
  const folder = mkdtempSync(join(tmpdir(), "agentlane-docs-"));
  const process = await serve([], { STORE_URL: `sqlite:${join(folder, "agentlane.db")}` });
  try {
    const message = {
      role: Role.USER,
      content: [{ part: { case: "text" as const, value: "hello" } }],
    };
    await callsOf(process).agents.execute({ agentId: "echo", messages: [message] });
    const [query = "", backup = ""] = commandsUnder("sqlite.md", "One owner");
    if (spawnSync("sqlite3", ["--version"]).error) {
      console.log("skipped: sqlite3 is missing");
      return;
    }
    const run = (command: string) => spawnSync("sh", ["-c", command], { cwd: folder });
    expect(run(query).stdout.toString()).toBe(`${TaskState.COMPLETED}|1\n`);
    expect(run(backup).status).toBe(0);
    expect(run("sqlite3 copy.db 'SELECT count(*) FROM tasks'").stdout.toString()).toBe("1\n");
  } finally {
    process.kill("SIGTERM");
    await process.exited;
    rmSync(folder, { recursive: true });
  }
});
