import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { AgentlaneError } from "../../src/errors.ts";
import { storeLimits } from "../../src/tasks/tenant-policy.ts";
import { readTenantsFile } from "../../src/tasks/tenants-file.ts";

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "agentlane-tenants-"));
  path = join(folder, "tenants.json");
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(content: unknown): void {
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
}

const read = (onReload = () => undefined) => readTenantsFile(path, onReload);

describe("a tenants file", () => {
  it("gives each tenant its own rule on top of the default", () => {
    write({
      default: { maxQueuedTasks: 10, maxRunningTasks: 4, requestsPerSecond: 5 },
      tenants: { acme: { weight: 3, maxQueuedTasks: 100, maxRunningTasks: null } },
    });
    const file = read();
    expect(file.ruleOf("acme")).toMatchObject({
      weight: 3,
      maxQueuedTasks: 100,
      maxRunningTasks: undefined,
      requestsPerSecond: 5,
    });
    expect(file.ruleOf("other")).toMatchObject({ weight: 1, maxQueuedTasks: 10 });
    expect(file.ruleOf("__proto__")).toMatchObject({ weight: 1, maxQueuedTasks: 10 });
  });

  it("may be empty: then all tenants share evenly, without limits", () => {
    write({});
    const rule = read().ruleOf("acme");
    expect(rule).toMatchObject({ weight: 1, maxQueuedTasks: undefined });
    expect(rule && storeLimits(rule)).toMatchObject({ window: 4, maxRunningTasks: undefined });
  });

  it("gives windows by weight", () => {
    write({ tenants: { acme: { weight: 3 } } });
    const rule = read().ruleOf("acme");
    expect(rule && storeLimits(rule).window).toBe(12);
  });

  it.each([
    [{ default: { weight: 0 } }, "default.weight"],
    [{ default: { weight: 1.5 } }, "default.weight"],
    [{ tenants: { acme: { maxQueuedTasks: -1 } } }, "tenants.acme.maxQueuedTasks"],
    [{ tenants: { acme: { maxRunningTasks: 0 } } }, "tenants.acme.maxRunningTasks"],
    [{ tenants: { acme: { tokensPerDay: "many" } } }, "tenants.acme.tokensPerDay"],
    [{ tenants: { acme: { max_queued_tasks: 1 } } }, "tenants.acme.max_queued_tasks"],
    [{ tenant: {} }, "tenant"],
    [{ default: { requestsPerSecond: 0 } }, "default.requestsPerSecond"],
  ])("that says %j is refused by the key", (content, key) => {
    write(content);
    expect(read).toThrowError(
      expect.objectContaining({
        reason: "TENANTS_FILE_INVALID",
        message: expect.stringContaining(`${key}: `),
      }),
    );
  });

  it("names all that is wrong at once, and what would be right", () => {
    write({ default: { weight: 0, maxQueud: 1 } });
    try {
      read();
      expect.unreachable();
    } catch (error) {
      const { message } = error as AgentlaneError;
      expect(message).toContain("default.weight");
      expect(message).toContain("default.maxQueud: is unknown; known are weight,");
    }
  });

  it.each([
    ["{", "is not JSON"],
    ["", "is not JSON"],
  ])("that is no JSON (%j) is refused", (content, why) => {
    write(content);
    expect(read).toThrow(why);
  });

  it("that is not there is refused", () => {
    expect(read).toThrow("cannot be read");
  });
});

it("as docs/tenants.md has it is a valid one", () => {
  const page = readFileSync(new URL("../../docs/tenants.md", import.meta.url), "utf8");
  write(/```json\n(.*?)```/s.exec(page)?.[1]);
  const file = read();
  expect(file.ruleOf("acme")).toMatchObject({ weight: 3, maxRunningTasks: 8 });
  expect(file.ruleOf("batch")).toMatchObject({ requestsPerSecond: undefined, burst: 100 });
});

describe("a tenants file that changes", () => {
  it("is read again, once a change", async () => {
    write({ default: { weight: 1 } });
    let reloadCount = 0;
    const file = read(() => void reloadCount++);
    await file.chore.run();
    expect(reloadCount).toBe(0);
    write({ default: { weight: 10 } });
    await file.chore.run();
    await file.chore.run();
    expect(reloadCount).toBe(1);
    expect(file.ruleOf("acme")?.weight).toBe(10);
  });

  it("to a wrong one leaves the rules as they are, and is told once", async () => {
    write({ default: { weight: 2 } });
    const file = read();
    await file.chore.run();
    write({ default: { weight: "heavy" } });
    await expect(file.chore.run()).rejects.toThrow("default.weight");
    await file.chore.run();
    expect(file.ruleOf("acme")?.weight).toBe(2);
  });

  it("that goes away and comes back is read again", async () => {
    write({ default: { weight: 2 } });
    const file = read();
    await file.chore.run();
    rmSync(path);
    await expect(file.chore.run()).rejects.toThrow("cannot be read");
    write({ default: { weight: 30 } });
    await file.chore.run();
    expect(file.ruleOf("acme")?.weight).toBe(30);
  });
});
