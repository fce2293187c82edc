import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { afterEach, describe, expect, it } from "vitest";
import { AgentService } from "../../gen/agentlane/v1/agent_service_pb.js";
import { Role } from "../../gen/agentlane/v1/content_pb.js";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { TaskService } from "../../gen/agentlane/v1/task_service_pb.js";
import { run, type ServingProcess, serve } from "../harness/process.ts";
import { createCertificates } from "../server/certificates.ts";

const BAD_GRAPHS = new URL("bad-graphs/langgraph.json", import.meta.url).pathname;
const { version } = JSON.parse(
  readFileSync(new URL("../../package.json", import.meta.url), "utf8"),
);

let served: ServingProcess | undefined;

afterEach(async () => {
  served?.kill("SIGKILL");
  await served?.exited;
  served = undefined;
});

function client(address: string) {
  return createClient(AgentService, createGrpcTransport({ baseUrl: `http://${address}` }));
}

const turn = (agentId: string, configurable = {}) => ({
  agentId,
  sessionId: "s1",
  messages: [{ role: Role.USER, content: [{ part: { case: "text" as const, value: "go" } }] }],
  configurable,
});

describe("serve", () => {
  it("says how it is called, lets a running stream finish on SIGTERM, and exits with 0", async () => {
    served = await serve();
    expect(served.output()).toContain("agentlane.v1.AgentService/Execute");
    const request = turn("echo", { tokens: 100, delayMs: 10 });
    let last: TaskState | undefined;
    for await (const { event, sequence } of client(served.address).streamExecute(request)) {
      if (sequence === 5) served.kill("SIGTERM");
      if (event?.kind.case === "stateChange") last = event.kind.value.state;
    }
    expect(last).toBe(TaskState.COMPLETED);
    expect(await served.exited).toBe(0);
  });

  it("ends what does not finish within DRAIN_TIMEOUT", async () => {
    served = await serve(["--agents", BAD_GRAPHS], { DRAIN_TIMEOUT: "0.3", CANCEL_GRACE: "0.2" });
    let error: unknown;
    try {
      for await (const { sequence } of client(served.address).streamExecute(turn("deaf"))) {
        if (sequence === 2) served.kill("SIGTERM");
      }
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeDefined();
    expect(await served.exited).toBe(0);
  });

  it("waits for work of which only a timer is left, and that nobody is connected to", async () => {
    served = await serve();
    const sessionManager = new Http2SessionManager(`http://${served.address}`);
    const transport = createGrpcTransport({
      baseUrl: `http://${served.address}`,
      sessionManager,
    });
    const slow = { ...turn("echo"), configurable: { delayMs: 300 } };
    await createClient(TaskService, transport).submitTask(slow);
    sessionManager.abort();
    served.kill("SIGTERM");
    expect(await served.exited).toBe(0);
  });

  it("stops at once on a second signal", async () => {
    served = await serve(["--agents", BAD_GRAPHS], { DRAIN_TIMEOUT: "600" });
    const kill = served.kill;
    await expect(async () => {
      for await (const { sequence } of client(served?.address ?? "").streamExecute(turn("deaf"))) {
        if (sequence !== 2) continue;
        kill("SIGTERM");
        kill("SIGINT");
      }
    }).rejects.toThrow();
    expect(await served.exited).toBe(1);
  });

  it("logs a rejection that a graph leaves behind, and goes on", async () => {
    served = await serve(["--agents", BAD_GRAPHS]);
    const agents = client(served.address);
    const connection = new AbortController();
    const options = { signal: connection.signal };
    await expect(async () => {
      for await (const { event } of agents.streamExecute(turn("rejects"), options)) {
        if (event?.kind.case === "progress") connection.abort();
      }
    }).rejects.toThrow();
    await served.prints("left behind after the abort");
    expect((await agents.execute(turn("good"))).state).toBe(TaskState.COMPLETED);
  });

  it("ends although an agent has left a timer behind", async () => {
    served = await serve(["--agents", BAD_GRAPHS], { DRAIN_TIMEOUT: "0.3", CANCEL_GRACE: "0.2" });
    const agents = client(served.address);
    expect((await agents.execute(turn("lingers"))).state).toBe(TaskState.COMPLETED);
    served.kill("SIGTERM");
    expect(await served.exited).toBe(0);
  });

  it("says that only this machine can call it and that memory forgets", async () => {
    served = await serve();
    await served.prints(`http://${served.address}/console is the web console`);
    await served.prints("Only this machine can call it");
    await served.prints("Everything is in memory");
  });

  it("refuses a configuration with errors, naming all of them", async () => {
    const { code, errors } = await run(["serve"], { PORT: "http", MAX_QUEUE_SIZE: "-1" });
    expect(code).toBe(1);
    expect(errors).toContain("PORT");
    expect(errors).toContain("MAX_QUEUE_SIZE");
    expect(errors).not.toContain("    at ");
  });

  it("is reachable from other machines with client certificates", async () => {
    const folder = mkdtempSync(join(tmpdir(), "agentlane-serve-"));
    const file = (name: string, pem: string): string => {
      writeFileSync(join(folder, name), pem);
      return join(folder, name);
    };
    const { ca, server, client: own } = createCertificates();
    const files = {
      TLS_CERT: file("server.crt", server.cert),
      TLS_KEY: file("server.key", server.key),
      TLS_CLIENT_CA: file("ca.crt", ca),
    };
    try {
      served = await serve([], { HOST: "0.0.0.0", ...files });
      const baseUrl = `https://localhost:${served.address.split(":")[1]}`;
      const transport = createGrpcTransport({ baseUrl, nodeOptions: { ca, ...own } });
      const answer = await createClient(AgentService, transport).execute(turn("echo"));
      expect(answer.state).toBe(TaskState.COMPLETED);
      const wrong = { ...files, TLS_KEY: file("other.key", own.key) };
      const { code, errors } = await run(["serve"], { PORT: "0", ...wrong });
      expect([code, errors]).toEqual([1, expect.stringContaining("TLS_KEY")]);
      expect(errors).not.toContain("    at ");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("refuses to be reachable from other machines without authentication", async () => {
    const { code, errors } = await run(["serve"], { HOST: "0.0.0.0" });
    expect(code).toBe(1);
    expect(errors).toContain("HOST");
  });

  it("says which port is taken", async () => {
    served = await serve();
    const port = served.address.split(":")[1] ?? "";
    const { code, errors } = await run(["serve", "--port", port]);
    expect(code).toBe(1);
    expect(errors).toContain(port);
    expect(errors).not.toContain("    at ");
  });
});

describe("the other commands", () => {
  it("print the version of the package", async () => {
    expect(await run(["version"])).toMatchObject({ code: 0, output: `${version}\n` });
  });

  it("print the configuration with secrets masked", async () => {
    const { code, output } = await run(["config"], { REDIS_URL: "redis://u:hunter2@localhost:1" });
    expect(code).toBe(0);
    expect(output).toContain("TASK_MANAGER_WORKERS=10");
    expect(output).not.toContain("hunter2");
  });

  it("check an agents file", async () => {
    expect(await run(["validate", "--agents", BAD_GRAPHS])).toMatchObject({ code: 0 });
    const missing = await run(["validate", "--agents", "/no/such/file.json"]);
    expect(missing.code).toBe(1);
    expect(missing.errors).toContain("/no/such/file.json");
  });

  it("say what is known when one is not", async () => {
    const { code, errors } = await run(["sevre"]);
    expect(code).toBe(2);
    expect(errors).toContain('did you mean "serve"?');
  });
});
