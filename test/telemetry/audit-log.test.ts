import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type AuditRecord, createAuditLog } from "../../src/telemetry/audit-log.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "agentlane-audit-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

function record(taskId: string): AuditRecord {
  return {
    principal: { subject: "jwt:ann", tenant: "acme", scheme: "jwt" },
    action: "task.submit",
    call: "agentlane.v1.AgentService/Execute",
    target: { taskId },
    result: "OK",
    peer: "192.0.2.1",
  };
}

test("writes a line for each record, all of them before it has stopped, behind what is there", async () => {
  const path = join(folder, "audit.log");
  for (const run of [0, 1]) {
    const onProblem = (message: string) => expect.unreachable(message);
    const log = createAuditLog({ path, onFailure: "report", onProblem });
    await log.start();
    for (let index = 0; index < 5000; index++) log.write(record(`task-${run}-${index}`));
    await log.stop();
  }
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  const taskIds = lines.map((line) => JSON.parse(line).target.taskId);
  const expected = [0, 1].flatMap((run) =>
    Array.from({ length: 5000 }, (_, i) => `task-${run}-${i}`),
  );
  expect(taskIds).toEqual(expected);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("does not start where its file cannot be opened", async () => {
  const log = createAuditLog({
    path: join(folder, "missing", "audit.log"),
    onFailure: "report",
    onProblem: () => undefined,
  });
  await expect(log.start()).rejects.toThrow(/AUDIT_LOG.*cannot be opened/);
});

test.runIf(existsSync("/dev/full")).each([
  ["report", false],
  ["refuse", true],
] as const)("on a full disk: %s", async (onFailure, isClosed) => {
  const problems: string[] = [];
  let tell = (): void => undefined;
  const told = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const log = createAuditLog({
    path: "/dev/full",
    onFailure,
    onProblem(message) {
      problems.push(message);
      tell();
    },
  });
  await log.start();
  expect(log.isClosed).toBe(false);
  log.write(record("t1"));
  await told;
  expect(log.isClosed).toBe(isClosed);
  log.write(record("t2"));
  await log.stop();
  expect(problems).toEqual([
    "the audit log cannot be written",
    "the last lines of the audit log could not be written",
  ]);
});
