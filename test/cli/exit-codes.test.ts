/** How commands end: exit codes, errors, interrupts, broken pipes. */
import { execFile, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Code, ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { afterEach, describe, expect, it, vi } from "vitest";
import { TaskService } from "../../gen/agentlane/v1/task_service_pb.js";
import { connect } from "../../sdk/typescript/src/node.ts";
import { launch, run, type ServingProcess, serve } from "../harness/process.ts";
import { createCertificates } from "../server/certificates.ts";

// Many processes, each of which takes a second and more on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;
let served: ServingProcess | undefined;

afterEach(async () => {
  served?.kill("SIGKILL");
  await served?.exited;
  served = undefined;
});

const urlOf = ({ address }: ServingProcess) => ({ AGENTLANE_URL: `http://${address}` });

/** Answers every call with an error of this code. */
async function refusing(code: Code, call: (url: string) => Promise<void>): Promise<void> {
  const seen: (string | null)[] = [];
  const routes = connectNodeAdapter({
    routes: (router) =>
      router.service(TaskService, {
        getTask: (_request, { requestHeader }) => {
          seen.push(requestHeader.get("authorization"));
          throw new ConnectError("not you", code);
        },
      }),
  });
  const server = createServer(routes).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await call(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    expect(new Set(seen)).toEqual(new Set(["Bearer alk_secret"]));
  } finally {
    server.close();
  }
}

describe("exit codes", () => {
  it.each([
    [["tasks", "--limit", "many"], "--limit takes a whole number"],
    [["tasks", "--state", "lost"], "--state takes queued"],
    [["tasks", "--stat", "failed"], 'did you mean "--state"?'],
    [["task"], 'did you mean "tasks"?'],
    [["sessions", "destry"], 'did you mean "destroy"?'],
    [["tasks", "show"], "TASK is missing"],
    [["tasks", "show", "a", "b"], 'unexpected argument "b"'],
    [["watch", "a", "--after"], "--after needs a value"],
    [["status", "--json=yes"], "--json takes no value"],
    [["status", "--url", "ftp://x"], "--url takes an http:// or https:// URL"],
    [["--json", "status"], "options come after the command"],
    [["help", "nothing"], 'unknown command "nothing"'],
    [["completion", "tcsh"], "SHELL takes bash, zsh, fish"],
    [["tasks", "--metadata", "x"], "--metadata takes key=value"],
  ])("2 where the command line is wrong: %j", async (words, message) => {
    const { code, output, errors } = await run(words);
    expect([code, output, errors]).toEqual([2, "", expect.stringContaining(message)]);
    expect(errors).not.toContain("    at ");
  });

  it("3 for what is unknown, 2 for what the server refuses as wrong", async () => {
    served = await serve();
    const unknown = await run(["tasks", "show", "nope"], urlOf(served));
    expect(unknown).toMatchObject({ code: 3, errors: "agentlane: there is no task nope\n" });
    const json = await run(["watch", "nope", "--json"], urlOf(served));
    expect(JSON.parse(json.errors)).toEqual({
      error: {
        ...{ code: "NOT_FOUND", reason: "TASK_NOT_FOUND", message: "there is no task nope" },
        ...{ exitCode: 3, taskId: "nope" },
      },
    });
    const wrong = await run(["sessions", "show", "demo", "a#b"], urlOf(served));
    expect([wrong.code, wrong.errors]).toEqual([2, expect.stringContaining("session_id")]);
  });

  it("4 where nobody answers, saying what to set", async () => {
    const environment = { AGENTLANE_URL: "http://127.0.0.1:1" };
    for (const words of [["status"], ["watch", "x"], ["chat", "demo"]]) {
      const { code, errors } = await run(words, environment, "");
      expect([code, errors]).toEqual([4, expect.stringContaining("AGENTLANE_URL")]);
    }
  });

  it("5 where the caller may not; the key goes along", async () => {
    const words = ["tasks", "show", "x"];
    await refusing(Code.Unauthenticated, async (AGENTLANE_URL) => {
      const { code, errors } = await run([...words, "--api-key", "alk_secret"], { AGENTLANE_URL });
      expect([code, errors]).toEqual([5, expect.stringContaining("AGENTLANE_API_KEY")]);
    });
    await refusing(Code.PermissionDenied, async (AGENTLANE_URL) => {
      const environment = { AGENTLANE_URL, AGENTLANE_API_KEY: "alk_secret" };
      expect((await run([...words, "--json"], environment)).code).toBe(5);
    });
  });

  it("1 for a variable that is wrong, naming it, and for a file that is not there", async () => {
    const { code, errors } = await run(["status"], { AGENTLANE_TIMEOUT: "soon" });
    expect([code, errors]).toEqual([1, expect.stringContaining("AGENTLANE_TIMEOUT=soon")]);
    const missing = await run(["status", "--ca", "/no/such/ca.crt"]);
    expect([missing.code, missing.errors]).toEqual([1, expect.stringContaining("/no/such/ca.crt")]);
  });

  it("130 for Ctrl-C and 143 for SIGTERM, while the task goes on", async () => {
    served = await serve();
    const client = connect(`http://${served.address}`);
    const slow = { agentId: "echo", text: "a b", configurable: { delayMs: 30_000 } };
    const { task } = await client.submit(slow);
    for (const [signal, code] of [
      ["SIGINT", 130],
      ["SIGTERM", 143],
    ] as const) {
      const watch = launch(["watch", task?.taskId ?? ""], urlOf(served));
      await watch.prints("RUNNING");
      watch.kill(signal);
      expect(await watch.exited).toBe(code);
    }
    expect((await client.cancel(task?.taskId ?? "")).error?.reason).not.toBe("");
    client.close();
  });
});

it("a broken pipe ends quietly", async () => {
  served = await serve();
  const client = connect(`http://${served.address}`);
  const { taskId } = await client.execute({
    ...{ agentId: "echo", text: "x", configurable: { tokens: 2000 } },
  });
  const long = await client.submit(
    { agentId: "echo", text: "x", configurable: { tokens: 20_000 } },
    { streaming: true },
  );
  client.close();
  const command = `set -o pipefail; '${process.execPath}' '${MAIN}' watch ${long.task?.taskId ?? taskId} | head -n 1`;
  const { stdout, stderr } = await promisify(execFile)("bash", ["-c", command], {
    env: { ...process.env, ...urlOf(served) },
  });
  expect([stdout.split("\n").length, stderr]).toEqual([2, ""]);
});

it("watch goes on while the server is killed and started anew", async () => {
  const folder = mkdtempSync(join(tmpdir(), "agentlane-watch-"));
  const environment = {
    STORE_URL: `sqlite:${join(folder, "agentlane.db")}`,
    ...{ LEASE_DURATION: "1", LEASE_RENEW_INTERVAL: "0.3" },
  };
  try {
    served = await serve([], environment);
    const client = connect(`http://${served.address}`);
    const { task } = await client.submit(
      { agentId: "echo", text: "a", configurable: { tokens: 100, delayMs: 100 } },
      { streaming: true },
    );
    client.close();
    const watch = launch(["watch", task?.taskId ?? "", "--json"], urlOf(served));
    await watch.prints('"sequence":5');
    const port = served.address.split(":")[1] ?? "";
    served.kill("SIGKILL");
    await served.exited;
    served = await serve(["--port", port], environment);
    expect(await watch.exited).toBe(0);
    const lines = watch.output().trimEnd().split("\n");
    const events = lines.map((line) => JSON.parse(line));
    const covered = events.flatMap(({ sequence, mergedCount }) =>
      Array.from({ length: mergedCount + 1 }, (_, at) => sequence - mergedCount + at),
    );
    expect(covered).toEqual(covered.map((_, index) => index + 1));
    expect(events.at(-1).event.stateChange.state).toBe("TASK_STATE_COMPLETED");
    expect(events.at(-1).attempt).toBe(2);
  } finally {
    served?.kill("SIGKILL");
    await served?.exited;
    rmSync(folder, { recursive: true });
  }
});

it("client certificates are shown where the server asks for them", async () => {
  const folder = mkdtempSync(join(tmpdir(), "agentlane-tls-"));
  const file = (name: string, pem: string): string => {
    writeFileSync(join(folder, name), pem);
    return join(folder, name);
  };
  const certificates = createCertificates();
  const ca = file("ca.crt", certificates.ca);
  try {
    served = await serve([], {
      TLS_CERT: file("server.crt", certificates.server.cert),
      TLS_KEY: file("server.key", certificates.server.key),
      TLS_CLIENT_CA: ca,
    });
    const url = `https://localhost:${served.address.split(":")[1]}`;
    const own = {
      AGENTLANE_CERT: file("own.crt", certificates.client.cert),
      AGENTLANE_KEY: file("own.key", certificates.client.key),
    };
    const good = await run(["status", "--url", url, "--ca", ca], own);
    expect([good.code, good.errors]).toEqual([0, ""]);
    const untrusted = await run(["status", "--url", url], own);
    expect([untrusted.code, untrusted.errors]).toEqual([4, expect.stringContaining("--ca FILE")]);
    const unknown = await run(["status", "--url", url, "--ca", ca]);
    expect([unknown.code, unknown.errors]).toEqual([4, expect.stringContaining("--cert FILE")]);
    expect(unknown.errors.trimEnd().split("\n")).toHaveLength(2);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe("at a terminal", () => {
  const hasScript = !spawnSync("script", ["--version"]).error;

  it.skipIf(!hasScript)(
    "there is color, a question and progress; NO_COLOR takes the color away",
    async () => {
      served = await serve();
      const colored = launch(["status"], urlOf(served), true);
      expect(await colored.exited).toBe(0);
      expect(colored.output()).toContain("\u001b[1m");
      const plain = launch(["status"], { ...urlOf(served), NO_COLOR: "1" }, true);
      await plain.exited;
      expect(plain.output()).not.toContain("\u001b[");
      const client = connect(`http://${served.address}`);
      const { task } = await client.submit({
        ...{ agentId: "echo", text: "x", maxAttempts: 1, configurable: { failAttempts: 1 } },
      });
      for await (const _ of client.watch(task?.taskId ?? ""));
      client.close();
      const no = launch(["redrive", "--all"], urlOf(served), true);
      await no.prints("[y/N]");
      no.write("n\r");
      expect(await no.exited).toBe(1);
      const yes = launch(["redrive", "--all"], urlOf(served), true);
      await yes.prints("[y/N]");
      yes.write("y\r");
      expect(await yes.exited).toBe(0);
      expect(yes.output()).toContain("redriven 1 of 1 (100 %)");
      expect(yes.output()).toContain("redriven 1 task\r\n");
      const left = launch(["redrive", "--all"], urlOf(served), true);
      await left.prints("[y/N]");
      left.write("\u0003");
      expect(await left.exited).toBe(130);
    },
  );
});
