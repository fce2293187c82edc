/** The one package in a real browser: a page of another origin, and a network that breaks. */
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { type Program, startProgram } from "../harness/program.ts";
import { type CuttingProxy, startCuttingProxy } from "./cutting-proxy.ts";

const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const hasBrowser = existsSync(executablePath);
if (!hasBrowser && process.env.CI === "true") throw new Error(`${executablePath} is missing`);
if (!hasBrowser) console.warn(`SKIPPED: ${executablePath} is missing; no browser runs the SDK`);

const QUIET = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"];
const ALONE = ["--disable-background-networking", "--disable-component-update", "--disable-sync"];

async function bundle(): Promise<string> {
  const entry = fileURLToPath(new URL("browser/page.ts", import.meta.url));
  const lib = { entry, formats: ["iife" as const], name: "page" };
  const options = { configFile: false as const, logLevel: "silent" as const };
  const built = await build({ ...options, build: { write: false, minify: false, lib } });
  const [result] = Array.isArray(built) ? built : [built];
  if (!result || !("output" in result)) throw new Error("nothing was built");
  return result.output[0].code;
}

describe.skipIf(!hasBrowser)("in a browser", () => {
  let program: Program;
  let proxy: CuttingProxy;
  let pages: Server;
  let browser: Browser;
  let page: Page;
  let url: string;

  beforeAll(async () => {
    const script = await bundle();
    pages = createServer((request, response) => {
      const isScript = request.url === "/page.js";
      response.setHeader("content-type", `text/${isScript ? "javascript" : "html"}; charset=utf-8`);
      response.end(isScript ? script : '<!doctype html><script src="/page.js"></script>');
    });
    pages.listen(0, "127.0.0.1");
    await once(pages, "listening");
    const address = pages.address();
    const origin = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
    program = await startProgram({}, { CORS_ORIGINS: origin });
    proxy = await startCuttingProxy("127.0.0.1", program.runtime.server.address().port);
    url = `http://127.0.0.1:${proxy.port}`;
    browser = await chromium.launch({ executablePath, args: [...QUIET, ...ALONE] });
    page = await browser.newPage();
    await page.goto(origin);
  }, 120_000);

  afterAll(async () => {
    await browser.close();
    pages.close();
    await proxy.stop();
    await program.stop();
  });

  /** Runs a function of the page's script. */
  function call(name: string, ...args: (string | number)[]): Promise<unknown> {
    const shown = [url, ...args].map((value) => JSON.stringify(value)).join();
    return page.evaluate(`page.${name}(${shown})`);
  }

  async function endOf(sessionId: string): Promise<TaskState | undefined> {
    const { tasks } = await program.tasks.listTasks({ sessionId });
    const taskId = tasks[0]?.taskId ?? "";
    for await (const _ of program.tasks.watchTask({ taskId }));
    return (await program.tasks.getTask({ taskId })).task?.state;
  }

  test("a turn is executed", async () => {
    expect(await call("execute")).toBe("in a browser 👋");
  });

  test("an error has its details", async () => {
    expect(await call("refusal")).toBe("INVALID_ARGUMENT INVALID_FIELD agent_id");
  });

  test("a stream goes on after cuts, each event once", async () => {
    proxy.plan({ afterBytes: 3000, times: 2, how: "rst" });
    const seen = await call("stream", "cut", 100);
    const text = Array.from({ length: 100 }, (_, index) => `t${index}`).join(" ");
    const sequences = Array.from({ length: 105 }, (_, index) => index + 1);
    expect(seen).toEqual({ text, sequences, state: "COMPLETED" });
    expect(proxy.cutsLeft).toBe(0);
    expect((await program.tasks.listTasks({ sessionId: "cut" })).tasks).toHaveLength(1);
  });

  test("leaving the loop cancels the task", async () => {
    expect(await call("leave")).not.toBe("");
    expect(await endOf("left")).toBe(TaskState.CANCELED);
  });

  test("giving up cancels the task", async () => {
    expect(await call("giveUp")).toBe("CANCELLED CANCELED");
    expect(await endOf("given-up")).toBe(TaskState.CANCELED);
  });
});
