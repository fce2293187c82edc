/** Every call that the audit log is to tell of is told of, in a line, without content. */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AccessRole, AdminService } from "../../gen/agentlane/v1/admin_service_pb.js";
import { AgentService } from "../../gen/agentlane/v1/agent_service_pb.js";
import { Role } from "../../gen/agentlane/v1/content_pb.js";
import { SessionService } from "../../gen/agentlane/v1/session_service_pb.js";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { TaskService } from "../../gen/agentlane/v1/task_service_pb.js";
import { makeApiKey } from "../../src/auth/api-keys.ts";
import { addToKeysFile } from "../../src/auth/keys-file.ts";
import { ACCESS, NOT_AUDITED } from "../../src/server/access.ts";
import { createRoutes } from "../../src/server/routes.ts";
import { ALL_ROLES, type Principal } from "../../src/tasks/principal.ts";
import type { AuditLog, AuditRecord } from "../../src/telemetry/audit-log.ts";
import { type Program, startProgram } from "../harness/program.ts";
import { callGrpc, enveloped } from "./raw.ts";
import { fakeReadiness, fakeServices, startTestServer } from "./test-server.ts";

const CANARY = "canary-4711";
const messages = [
  { role: Role.USER, content: [{ part: { case: "text" as const, value: CANARY } }] },
];

interface Line extends AuditRecord {
  readonly time: string;
  readonly audit: true;
}

describe("through the program", () => {
  let folder: string;
  let program: Program;
  let token: string;
  let readerToken: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "agentlane-audit-"));
    const file = join(folder, "keys.json");
    const fields = { validForMs: undefined, agentIds: [], createdBy: "test" };
    const all = makeApiKey(
      { ...fields, name: "all", tenant: "acme", roles: [...ALL_ROLES] },
      Date.now(),
    );
    const reader = makeApiKey(
      { ...fields, name: "reader", tenant: "acme", roles: [AccessRole.READ] },
      Date.now(),
    );
    for (const { record } of [all, reader]) await addToKeysFile(file, record);
    token = all.token;
    readerToken = reader.token;
    const log = join(folder, "audit.log");
    const environment = { API_KEYS: "true", API_KEYS_FILE: file, AUDIT_LOG: log };
    program = await startProgram({}, environment);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function clients(bearer: string) {
    const transport = createGrpcTransport({
      baseUrl: program.baseUrl,
      interceptors: [
        (next) => (request) => {
          request.header.set("authorization", `Bearer ${bearer}`);
          request.header.set("traceparent", `00-${"ab".repeat(16)}-${"cd".repeat(8)}-01`);
          return next(request);
        },
      ],
    });
    return {
      agents: createClient(AgentService, transport),
      tasks: createClient(TaskService, transport),
      sessions: createClient(SessionService, transport),
      admin: createClient(AdminService, transport),
    };
  }

  test("who, what, on which and with what result; nothing of content; nothing lost at the stop", async () => {
    const { agents, tasks, sessions, admin } = clients(token);
    const turn = { agentId: "echo", sessionId: "s1", messages, metadata: { note: CANARY } };
    const { taskId } = await agents.execute({ ...turn, idempotencyKey: CANARY });
    for await (const _ of agents.streamExecute(turn));
    const { task } = await tasks.submitTask(turn);
    await tasks.cancelTask({
      target: { case: "taskId", value: task?.taskId ?? "" },
      reason: CANARY,
    });
    await tasks.redriveTasks({ taskIds: [taskId] });
    await sessions.getSession(turn);
    const { context } = await sessions.exportSession(turn);
    await sessions.destroySession(turn);
    await sessions.importSession({ ...(context && { context }), overwrite: true });
    const { key } = await admin.createApiKey({
      ...{ name: CANARY, tenant: "blue", roles: [AccessRole.SUBMIT], agentIds: ["echo"] },
    });
    await admin.revokeApiKey({ keyId: key?.keyId ?? "" });
    await admin.deleteTenant({ tenant: "blue" });
    await expect(tasks.getTask({ taskId: "unknown" })).rejects.toThrow(/no task/);
    const response = await fetch(`${program.baseUrl}/v1/chat/completions`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ model: "echo", messages: [{ role: "user", content: CANARY }] }),
    });
    await response.arrayBuffer();
    const fails = { maxAttempts: 1, configurable: { failAttempts: 1 } };
    await expect(agents.execute({ ...turn, ...fails })).rejects.toThrow(/told to fail/);
    const failed = (await tasks.listTasks({ states: [TaskState.FAILED] })).tasks[0];
    await tasks.purgeDeadLetters({ taskIds: [failed?.taskId ?? ""] });
    const slow = { ...turn, sessionId: "late", configurable: { delayMs: 60_000 } };
    await expect(agents.execute(slow, { timeoutMs: 300 })).rejects.toThrow(/deadline/);
    const late = (await tasks.listTasks({ sessionId: "late" })).tasks[0];
    const reader = clients(readerToken);
    await expect(reader.agents.execute(turn)).rejects.toThrow(/needs the role/);
    await expect(reader.admin.deleteTenant({ tenant: "acme" })).rejects.toThrow(/needs the role/);
    await program.stop();

    const text = readFileSync(join(folder, "audit.log"), "utf8");
    expect(text).not.toContain(CANARY);
    expect(text).not.toContain(token);
    const lines = text
      .trimEnd()
      .split("\n")
      .map((line): Line => JSON.parse(line));
    const told = lines.map(({ action, result, reason = "" }) =>
      [action, result, reason].join(" ").trim(),
    );
    expect(told).toEqual([
      ...["task.submit OK", "task.submit OK", "task.submit OK", "task.cancel OK"],
      ...["task.redrive OK", "session.read OK", "session.export OK", "session.destroy OK"],
      ...["session.import OK", "key.create OK", "key.revoke OK", "tenant.delete OK"],
      ...["task.read NOT_FOUND TASK_NOT_FOUND", "task.submit OK"],
      ...["task.submit UNAVAILABLE ECHO_FAILURE", "task.read OK", "task.purge OK"],
      ...["task.submit DEADLINE_EXCEEDED DEADLINE_EXCEEDED", "task.read OK"],
      ...["task.submit PERMISSION_DENIED ROLE_REQUIRED"],
      ...["tenant.delete PERMISSION_DENIED ROLE_REQUIRED"],
    ]);
    const [first, , , , , , exported, , , created] = lines;
    expect(first).toEqual({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      audit: true,
      principal: {
        subject: expect.stringMatching(/^api-key:[0-9a-z]+$/),
        tenant: "acme",
        scheme: "api-key",
      },
      action: "task.submit",
      call: "agentlane.v1.AgentService/Execute",
      target: { agentId: "echo", sessionId: "s1", taskId },
      result: "OK",
      peer: "127.0.0.1",
    });
    expect(exported?.target).toEqual({ agentId: "echo", sessionId: "s1" });
    const ofFailed = lines.find(({ reason }) => reason === "ECHO_FAILURE")?.target;
    expect(ofFailed).toEqual({ agentId: "echo", sessionId: "s1", taskId: failed?.taskId });
    const ofLate = lines.find(({ result }) => result === "DEADLINE_EXCEEDED")?.target;
    expect(ofLate).toEqual({ agentId: "echo", sessionId: "late", taskId: late?.taskId });
    expect(lines.find(({ action }) => action === "task.purge")?.target).toEqual({
      ...{ taskIds: [failed?.taskId], purgedCount: 1 },
    });
    const granted = { roles: ["SUBMIT"], agentIds: ["echo"] };
    expect(created?.target).toEqual({ tenant: "blue", keyId: key?.keyId, ...granted });
    const ofDeleted = lines.find(({ action }) => action === "tenant.delete")?.target;
    expect(ofDeleted).toMatchObject({ tenant: "blue", deletedApiKeyCount: 1, deletedTaskCount: 0 });
  });
});

describe("of every RPC of the table", () => {
  const names = [
    ...createRoutes({ ...fakeServices(), readiness: fakeReadiness() }).values(),
  ].filter(({ kind }) => kind !== "bidi_streaming");

  /** A log in memory; `isClosed` as if its file could not be written. */
  function fakeLog(isClosed: boolean): AuditLog & { readonly records: AuditRecord[] } {
    const records: AuditRecord[] = [];
    const idle = async (): Promise<void> => {};
    return { records, isClosed, write: (record) => records.push(record), start: idle, stop: idle };
  }

  async function callAll(principal: Principal, isClosed = false) {
    const auditLog = fakeLog(isClosed);
    const { server, port } = await startTestServer({
      parts: { authenticate: () => ({ principal }), auditLog },
    });
    const outcomes = new Map<string, string>();
    for (const { name, path } of names) {
      const body = enveloped(Buffer.alloc(0));
      const { error } = await callGrpc(port, path, body, { "grpc-timeout": "1S" });
      outcomes.set(name, error?.code ?? "OK");
    }
    await server.stop();
    return { outcomes, records: auditLog.records };
  }

  const who: Principal = { tenant: "acme", subject: "jwt:ann", roles: ALL_ROLES };
  const audited = names
    .map(({ name }) => name)
    .filter((name) => ACCESS[name]?.audit !== NOT_AUDITED);

  test("those that are audited are told of once, whatever becomes of them, and no others", async () => {
    const { records } = await callAll(who);
    expect(records.map(({ call }) => call)).toEqual(audited);
    expect(records.every(({ principal }) => principal.scheme === "jwt")).toBe(true);
  });

  test("a missing role is told of, whatever the call", async () => {
    const { records, outcomes } = await callAll({ ...who, roles: new Set() });
    const refused = [...outcomes].filter(([, code]) => code === "PERMISSION_DENIED");
    expect(refused.length).toBeGreaterThan(25);
    expect(records.map(({ call }) => call)).toEqual(refused.map(([name]) => name));
    expect(new Set(records.map(({ reason }) => reason))).toEqual(new Set(["ROLE_REQUIRED"]));
  });

  test("those that are audited are refused while nothing can be written and nothing may go unseen", async () => {
    const { records, outcomes } = await callAll(who, true);
    const refused = [...outcomes]
      .filter(([, code]) => code === "UNAVAILABLE")
      .map(([name]) => name);
    expect(refused).toEqual(audited);
    expect(new Set(records.map(({ reason }) => reason))).toEqual(new Set(["AUDIT_UNAVAILABLE"]));
  });
});
