/** The console while a worker is killed, and while the server goes away and comes back. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../harness/free-port.ts";
import { type ServingProcess, serve } from "../harness/process.ts";
import { hasRedis, type RedisServer, startRedis } from "../harness/redis-server.ts";
import { hasChromium, launch, screenshot, violations, visit } from "./browser.ts";
import { AGENTS_FILE } from "./installation.ts";

const state = (page: Page, name: string) => page.locator(`.connection[data-state="${name}"]`);

describe.skipIf(!hasChromium || !hasRedis)("outages", () => {
  let redis: RedisServer;
  let browser: Browser;
  let shared: Record<string, string>;
  const processes: ServingProcess[] = [];
  const start = async (environment: Record<string, string>): Promise<ServingProcess> => {
    const process = await serve(["--agents", AGENTS_FILE], { ...shared, ...environment });
    processes.push(process);
    return process;
  };
  beforeAll(async () => {
    redis = await startRedis({ aof: true });
    shared = {
      MESSAGE_QUEUE_TYPE: "redis",
      REDIS_URL: redis.url,
      LEASE_DURATION: "2",
      LEASE_RENEW_INTERVAL: "0.5",
      LOG_LEVEL: "error",
    };
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    for (const process of processes) process.kill("SIGKILL");
    await redis?.stop();
  });

  test("a worker is killed in the middle of an answer: another one gives it", async () => {
    const [gateway, worker] = await Promise.all([
      start({ TASK_MANAGER_ENABLED: "false" }),
      start({}),
    ]);
    const url = `http://${gateway.address}/console`;
    const { context, page, problems } = await visit(browser, `${url}/playground?agent=echo`);
    await page.getByText("Input and options").click();
    await page.getByLabel("Configurable (JSON)").fill('{"tokens": 100, "delayMs": 50}');
    await page.getByRole("textbox", { name: "Message", exact: true }).fill("count");
    await page.getByRole("button", { name: "Send" }).click();
    const turn = page.locator(".turn");
    await turn.getByText(/\bt10\b/).waitFor();
    worker.kill("SIGKILL");
    await worker.exited;
    await start({});
    await turn.getByText("attempt 2").waitFor();
    await turn.locator(".badge", { hasText: "Completed" }).waitFor();
    const wanted = Array.from({ length: 100 }, (_, index) => `t${index}`).join(" ");
    expect(await turn.locator(".answer .prose").textContent()).toBe(wanted);
    await state(page, "live").waitFor();
    await turn.getByRole("link", { name: "Task" }).click();
    await page.locator(".attempt", { hasText: "Lease expired" }).waitFor();
    await screenshot(page, "outage-worker-killed");
    expect(problems).toEqual([]);
    await context.close();
  });

  test("the server restarts: the page says so, and goes on", async () => {
    const environment = { PORT: `${await freePort()}` };
    const server = await start(environment);
    const url = `http://${server.address}/console`;
    const { context, page, problems } = await visit(browser, `${url}/playground?agent=demo`);
    await state(page, "live").waitFor();
    await page
      .getByRole("textbox", { name: "Message", exact: true })
      .fill("Count slowly to 200 every 50 ms");
    await page.getByRole("button", { name: "Send" }).click();
    const turn = page.locator(".turn");
    await turn.locator(".progress-line").waitFor();
    server.kill("SIGKILL");
    await server.exited;
    await state(page, "reconnecting").waitFor();
    await screenshot(page, "outage-reconnecting");
    expect(await violations(page)).toEqual([]);
    await start(environment);
    await state(page, "live").waitFor();
    await turn.getByText("Done: counted to 200.").waitFor({ timeout: 60_000 });
    expect(await page.locator(".turn").count()).toBe(1);
    await page.getByRole("link", { name: "Overview", exact: true }).click();
    await page.locator("tbody tr", { hasText: "agent.tasks" }).first().waitFor();
    expect(problems).toEqual([]);
    await context.close();
  });
});
