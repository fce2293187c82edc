/** Deleting a tenant, through the whole program and across a kill. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AccessRole, AdminService } from "../../gen/agentlane/v1/admin_service_pb.js";
import { Role } from "../../gen/agentlane/v1/content_pb.js";
import { OperationsService } from "../../gen/agentlane/v1/operations_service_pb.js";
import { TaskService } from "../../gen/agentlane/v1/task_service_pb.js";
import { type AgentlaneClient, connect } from "../../sdk/typescript/src/node.ts";
import { makeApiKey } from "../../src/auth/api-keys.ts";
import { addToKeysFile } from "../../src/auth/keys-file.ts";
import { systemClock } from "../../src/clock.ts";
import { createSqliteStore } from "../../src/store/sqlite/store.ts";
import { ALL_ROLES } from "../../src/tasks/principal.ts";
import { submission } from "../harness/builders.ts";
import { serve } from "../harness/process.ts";
import { NOTHING_LEFT, type Program, startProgram } from "../harness/program.ts";

const DOOMED = "doomed";
const CANARY = "canary-4711";
const TURN = {
  agentId: "echo",
  messages: [{ role: Role.USER, content: [{ part: { case: "text" as const, value: "hello" } }] }],
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "agentlane-deletion-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Every text and blob of every row. */
function contentOf(path: string): string {
  const db = new DatabaseSync(path, { readOnly: true });
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  const values = tables.flatMap(({ name }) =>
    db
      .prepare(`SELECT * FROM ${name}`)
      .all()
      .flatMap((row) => Object.values(row)),
  );
  db.close();
  return values
    .map((value) => (value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : value))
    .join("|");
}

describe("through the program", () => {
  let program: Program;
  let path: string;
  let admin: AgentlaneClient;
  const clients: AgentlaneClient[] = [];

  beforeAll(async () => {
    path = join(folder, "program.db");
    const file = join(folder, "keys.json");
    const request = { name: "first", tenant: "root", roles: [AccessRole.ADMIN], agentIds: [] };
    const made = makeApiKey({ ...request, validForMs: undefined, createdBy: "test" }, Date.now());
    await addToKeysFile(file, made.record);
    const access = { API_KEYS: "true", API_KEYS_FILE: file };
    program = await startProgram({}, { ...access, STORE_URL: `sqlite:${path}` });
    admin = connect(program.baseUrl, { apiKey: made.token });
    clients.push(admin);
  });
  afterAll(async () => {
    for (const client of clients) client.close();
    expect(await program.stop()).toEqual(NOTHING_LEFT);
  });

  async function clientOf(tenant: string, agentIds: string[] = []): Promise<AgentlaneClient> {
    const key = { name: tenant, tenant, roles: [...ALL_ROLES], agentIds };
    const { token } = await admin.admin.createApiKey(key);
    const client = connect(program.baseUrl, { apiKey: token, retry: { maxTries: 1 } });
    clients.push(client);
    return client;
  }

  it("leaves nothing of it in the store, in workers or among the keys", async () => {
    const kept = await clientOf("kept");
    const doomed = await clientOf(DOOMED);
    const turn = { agentId: "echo", sessionId: `${CANARY}-s1`, text: CANARY };
    await kept.execute({ agentId: "echo", sessionId: "s1", text: "kept" });
    await doomed.execute(turn);
    const slow = {
      ...turn,
      sessionId: `${CANARY}-s2`,
      configurable: { tokens: 600, delayMs: 100 },
    };
    const running = doomed.stream(slow)[Symbol.asyncIterator]();
    for (let index = 0; index < 4; index++) await running.next();
    await doomed.submit(slow);
    expect(contentOf(path)).toContain(CANARY);

    const deleted = await admin.admin.deleteTenant({ tenant: DOOMED });
    expect(deleted).toMatchObject({
      done: true,
      deletedTaskCount: 3n,
      canceledTaskCount: 2n,
      deletedSessionCount: 1n,
      deletedApiKeyCount: 1,
    });
    await expect(
      (async () => {
        while (!(await running.next()).done);
      })(),
    ).rejects.toMatchObject({ reason: "CREDENTIALS_REVOKED" });
    await expect(doomed.execute(turn)).rejects.toMatchObject({ reason: "UNAUTHENTICATED" });
    expect(contentOf(path)).not.toContain(CANARY);
    expect(program.runtime.worker?.instanceFigures().activeCount).toBe(1);
    expect((await kept.getSession("echo", "s1")).context?.version).toBe(1n);
    expect(await admin.admin.deleteTenant({ tenant: DOOMED })).toMatchObject({
      done: true,
      deletedTaskCount: 0n,
    });
    const added = admin.admin.createApiKey({ name: "late", tenant: DOOMED, roles: [1] });
    await expect(added).rejects.toThrow(/being deleted/);
  });

  it("is refused to whose own key would go, and to who is limited to some agents", async () => {
    const own = await clientOf("own");
    await expect(own.admin.deleteTenant({ tenant: "own" })).rejects.toThrow(
      /key of another tenant/,
    );
    const limited = await clientOf("limited", ["echo"]);
    await expect(limited.admin.deleteTenant({ tenant: "own" })).rejects.toThrow(/some agents/);
    expect((await admin.admin.listApiKeys({ tenant: "own" })).keys).toHaveLength(1);
  });
});

describe("across a kill -9 in the middle", () => {
  it("stays closed, goes on when it is repeated, and is complete then", {
    timeout: 120_000,
  }, async () => {
    const path = join(folder, "killed.db");
    const store = createSqliteStore({ path, clock: systemClock, synchronous: "normal" });
    await store.start();
    const totalCount = 2000;
    for (let count = 0; count < totalCount; count += 500) {
      const metadata = { note: CANARY };
      await Promise.all(
        Array.from({ length: 500 }, (_, index) => {
          const sessionId = `${CANARY}-${count + index - (index % 10)}`;
          return store.tasks.create(submission({ task: { sessionId, metadata } }));
        }),
      );
    }
    await store.stop();
    const environment = {
      ...{ STORE_URL: `sqlite:${path}`, SQLITE_SYNCHRONOUS: "normal" },
      // A worker that takes none of them.
      ...{ WORKER_QUEUES: "other", SWEEP_INTERVAL: "60" },
    };
    const clientsOf = (address: string) => {
      const transport = createGrpcTransport({ baseUrl: `http://${address}` });
      return {
        admin: createClient(AdminService, transport),
        operations: createClient(OperationsService, transport),
        tasks: createClient(TaskService, transport),
      };
    };
    const first = await serve([], environment);
    const before = clientsOf(first.address);
    const pending = async (): Promise<number> => {
      const { queues } = await before.operations.getQueueStats({});
      return Number(
        queues.reduce((sum, each) => sum + each.waitingMessages + each.pendingMessages, 0),
      );
    };
    const interrupted = before.admin.deleteTenant({ tenant: "default" }).catch(() => undefined);
    while ((await pending()) >= totalCount);
    first.kill("SIGKILL");
    await first.exited;
    await interrupted;
    expect(contentOf(path)).toContain(CANARY);

    const second = await serve([], environment);
    const { admin, tasks } = clientsOf(second.address);
    await expect(tasks.submitTask(TURN)).rejects.toThrow(/being deleted/);
    let deletedCount = 0n;
    for (let done = false; !done; ) {
      const answer = await admin.deleteTenant({ tenant: "default" });
      done = answer.done;
      deletedCount += answer.deletedTaskCount;
    }
    expect(Number(deletedCount)).toBeGreaterThan(0);
    expect(Number(deletedCount)).toBeLessThan(totalCount);
    second.kill("SIGTERM");
    await second.exited;
    expect(contentOf(path)).not.toContain(CANARY);
  });
});
