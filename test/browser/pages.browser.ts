/** Every page, as different people look at it. */
import { propagation, trace, context as tracingContext } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { TracerProvider } from "@opentelemetry/sdk-trace";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NOTHING_LEFT, type Program } from "../harness/program.ts";
import {
  hasChromium,
  LOOKS,
  launch,
  lookAt,
  overflow,
  screenshot,
  violations,
  visit,
} from "./browser.ts";
import { cancelRunning, fill, type Ids, startInstallation, TRACE_ID } from "./installation.ts";

interface PageCase {
  readonly name: string;
  readonly path: (ids: Ids) => string;
  /** What is there once it has loaded. */
  readonly shows: (page: Page) => Promise<unknown>;
}

const heading = (page: Page, name: string) =>
  page.getByRole("heading", { level: 1, name }).waitFor();

const CASES: readonly PageCase[] = [
  {
    name: "overview",
    path: () => "/",
    shows: async (page) => {
      await heading(page, "Overview");
      await page.getByText("agent.tasks").waitFor();
      await page.locator(".tile", { hasText: "Throughput" }).getByText(/^\d/).waitFor();
    },
  },
  {
    name: "tasks",
    path: () => "/tasks",
    shows: (page) => page.locator(".badge", { hasText: "Running" }).waitFor(),
  },
  {
    name: "task-finished",
    path: ({ finished }) => `/tasks/${finished}`,
    shows: (page) => page.getByText("in its log").waitFor(),
  },
  {
    name: "task-failed",
    path: ({ failed }) => `/tasks/${failed}`,
    shows: async (page) => {
      await page.getByRole("button", { name: "Redrive" }).waitFor();
      await page.getByText("in its log").waitFor();
    },
  },
  {
    name: "task-asking",
    path: ({ asking }) => `/tasks/${asking}`,
    shows: (page) => page.getByText("Answer in the playground").waitFor(),
  },
  {
    name: "task-retried",
    path: ({ retried }) => `/tasks/${retried}`,
    shows: async (page) => {
      await page.getByText("Attempt 2", { exact: true }).waitFor();
      await page.getByText(TRACE_ID).waitFor();
    },
  },
  {
    name: "task-running",
    path: ({ running }) => `/tasks/${running}`,
    shows: async (page) => {
      await page.getByRole("button", { name: "Cancel task" }).waitFor();
      await page.locator(".event", { hasText: "Progress" }).first().waitFor();
    },
  },
  {
    name: "sessions",
    path: () => "/sessions",
    shows: (page) => page.getByText("order-1001").waitFor(),
  },
  {
    name: "session",
    path: () => "/sessions/demo/sums",
    shows: (page) => page.getByText("The result is 408.").first().waitFor(),
  },
  {
    name: "dead-letters",
    path: () => "/dead-letters",
    shows: (page) => page.getByRole("button", { name: "Redrive all (3)" }).waitFor(),
  },
  {
    name: "agents",
    path: () => "/agents",
    shows: (page) => page.getByText("Has each payment approved").waitFor(),
  },
  {
    name: "agent",
    path: () => "/agents/demo",
    shows: async (page) => {
      await page.getByRole("button", { name: "Check it now" }).click();
      await page.getByText("It is valid and can be used.").waitFor();
      await page.getByText("calculator").first().click();
    },
  },
  {
    name: "agent-with-input",
    path: () => "/agents/brewing",
    shows: (page) => page.getByLabel("JSON Schema of the input").getByText("properties").waitFor(),
  },
  {
    name: "playground",
    path: () => "/playground",
    shows: async (page) => {
      await page.getByRole("button", { name: "What is 12 * 34?" }).click();
      await page.locator(".turn").getByText("The result is 408.").waitFor();
      await page.locator("summary", { hasText: "calculator" }).click();
    },
  },
  {
    name: "playground-streaming",
    path: () => "/playground?agent=demo&session=streaming",
    shows: async (page) => {
      await page.getByRole("button", { name: "Delete my notes" }).waitFor();
      await page.getByLabel("Message", { exact: true }).fill("Count slowly to 2000 every 200 ms");
      await page.getByRole("button", { name: "Send" }).click();
      await page.locator(".turn .progress-line").waitFor();
    },
  },
  {
    name: "playground-asking",
    path: () => "/playground?agent=asking&session=a1",
    shows: (page) => page.getByRole("button", { name: "yes", exact: true }).waitFor(),
  },
  { name: "nowhere", path: () => "/nowhere", shows: (page) => heading(page, "No such page") },
];

describe.skipIf(!hasChromium)("pages", () => {
  let program: Program;
  let browser: Browser;
  let ids: Ids;
  beforeAll(async () => {
    // A task has a trace where there is tracing; nobody looks at the spans here.
    trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [] }));
    tracingContext.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
    program = await startInstallation();
    browser = await launch();
    ids = await fill(program);
  });
  afterAll(async () => {
    await browser?.close();
    await cancelRunning(program);
    expect(await program.stop()).toMatchObject(NOTHING_LEFT);
    trace.disable();
    tracingContext.disable();
    propagation.disable();
  });

  test.each(CASES)("$name is accessible and fits", async ({ name, path, shows }) => {
    const url = `${program.baseUrl}/console${path(ids)}`;
    const { context, page, problems } = await visit(browser, url);
    await shows(page);
    for (const look of LOOKS) {
      const called = `${name}-${look.scheme}-${look.width}`;
      await lookAt(page, look);
      await screenshot(page, called);
      const seen = { violations: await violations(page), overflow: await overflow(page) };
      expect({ called, ...seen }).toEqual({ called, violations: [], overflow: 0 });
    }
    expect(problems).toEqual([]);
    await context.close();
  });
});
