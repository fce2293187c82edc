/** docs/grpcurl.md: every RPC has a call there, and every call is run as it is written but for the port. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AdminService } from "../gen/agentlane/v1/admin_service_pb.js";
import { AgentService } from "../gen/agentlane/v1/agent_service_pb.js";
import { OperationsService } from "../gen/agentlane/v1/operations_service_pb.js";
import { SessionService } from "../gen/agentlane/v1/session_service_pb.js";
import { TaskService } from "../gen/agentlane/v1/task_service_pb.js";
import { Health } from "../gen/grpc/health/v1/health_pb.js";
import { ServerReflection as ReflectionV1 } from "../gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ReflectionV1Alpha } from "../gen/grpc/reflection/v1alpha/reflection_pb.js";
import { type ServingProcess, serve } from "./harness/process.ts";

const page = readFileSync(new URL("../docs/grpcurl.md", import.meta.url), "utf8");

/** A block of commands, and the piece of its output that the page shows under it. */
interface Call {
  readonly commands: string;
  readonly answer: string | undefined;
}

const calls: Call[] = [...page.matchAll(/```sh\n(.*?)```\n(?:\n→ `(.*?)`\n)?/gs)].map(
  ([, commands = "", answer]) => ({ commands, answer }),
);

const own = [AgentService, TaskService, SessionService, OperationsService, AdminService];
const services = [...own, Health, ReflectionV1, ReflectionV1Alpha];

const hasGrpcurl = (() => {
  if (spawnSync("grpcurl", ["--version"]).status === 0) return true;
  if (process.env.CI) throw new Error("grpcurl is missing; CI needs it");
  console.warn("SKIPPED: grpcurl is missing; the calls of docs/grpcurl.md do not run");
  return false;
})();

test.each(
  services.flatMap(({ typeName, methods }) => methods.map(({ name }) => `${typeName}/${name}`)),
)("%s has a call on the page", (rpc) => {
  const named = calls.filter(({ commands }) => new RegExp(`${rpc}(\\s|$)`).test(commands));
  expect(named.length).toBeGreaterThan(0);
});

describe.skipIf(!hasGrpcurl)("the calls, from top to bottom", () => {
  let server: ServingProcess;
  let folder: string;
  /** By call; the blocks share their variables, so one shell runs them all. */
  let outputs: string[];

  beforeAll(async () => {
    server = await serve();
    folder = mkdtempSync(join(tmpdir(), "agentlane-grpcurl-"));
    const script = calls.map(({ commands }, index) => `{\n${commands}} > out-${index} 2>&1`);
    spawnSync("bash", [], {
      cwd: folder,
      input: script.join("\n").replaceAll("localhost:50051", server.address),
    });
    outputs = calls.map((_, index) => readFileSync(join(folder, `out-${index}`), "utf8"));
  });

  afterAll(async () => {
    server.kill("SIGTERM");
    expect(await server.exited).toBe(0);
    rmSync(folder, { recursive: true });
  });

  test.each(calls.map((call, index) => ({ ...call, index })))("$commands", ({ answer, index }) => {
    expect(answer, "the page shows a piece of the answer").toBeDefined();
    expect(outputs[index]).toContain(answer);
  });
});
