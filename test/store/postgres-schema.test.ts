/** How the schema comes about, who may do what in it, and what is told at start. */
import { globSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { systemClock, systemRandom } from "../../src/clock.ts";
import type { Store } from "../../src/store/contract.ts";
import { migrateSchema } from "../../src/store/postgres/migrate.ts";
import { createPostgresStore, type PostgresStoreOptions } from "../../src/store/postgres/store.ts";
import { newTaskId, submission, TENANT, taskResult } from "../harness/builders.ts";
import { migrateTo } from "../harness/postgres-schema.ts";
import {
  hasPostgres,
  type PostgresServer,
  type PostgresServerOptions,
  sql,
  startPostgres,
} from "../harness/postgres-server.ts";
import { run } from "../harness/process.ts";

function storeAt(url: string, options: Partial<PostgresStoreOptions> = {}): Store {
  return createPostgresStore({
    url,
    clock: systemClock,
    random: systemRandom,
    onWarning: () => undefined,
    ...options,
  });
}

const FOLDER = new URL("../../src/store/postgres/migrations/", import.meta.url);
const MIGRATIONS = globSync("*.sql", { cwd: FOLDER }).sort();

it("PostgreSQL's migrations have each number once", () => {
  const numbers = MIGRATIONS.map((name) => Number.parseInt(name, 10));
  expect(new Set(numbers).size).toBe(numbers.length);
});

describe.runIf(hasPostgres)("the schema of the PostgreSQL store", () => {
  let server: PostgresServer;
  let url = "";
  beforeAll(async () => {
    server = await startPostgres();
  });
  beforeEach(async () => {
    url = await server.createDatabase();
  });
  afterAll(() => server.stop());

  const versions = () => sql(url, "SELECT version FROM agentlane.migrations ORDER BY version");

  async function runTask(store: Store): Promise<void> {
    const { task } = await store.tasks.create(submission({ task: { sessionId: "s1" } }));
    const ref = { tenant: TENANT, taskId: task.taskId };
    await store.tasks.markPublished([ref]);
    const request = { ref, workerId: "w1", claimId: newTaskId(), leaseMs: 1000, spanId: "" };
    const { claim } = await store.tasks.claim(request);
    if (!claim) throw new Error("not claimed");
    const ending = { state: TaskState.COMPLETED, result: taskResult() } as const;
    await store.tasks.renew([claim.lease], 1000);
    await store.tasks.finish(claim.lease, { afterSequence: 2, events: [], ending });
    const now = { unpublishedAfterMs: 0, sessionRetentionMs: 0, limit: 100 };
    const retention = { logRetentionMs: 0, taskRetentionMs: 0, deadLetterRetentionMs: 0 };
    await store.tasks.sweep({ ...now, ...retention });
    await store.sessions.destroy({ tenant: TENANT, agentId: "echo", sessionId: "s1" });
  }

  it("comes about once when several processes start at the same time", async () => {
    const stores = Array.from({ length: 5 }, () => storeAt(url));
    await Promise.all(stores.map((store) => store.start()));
    expect((await versions()).map(({ version }) => version)).toEqual(
      MIGRATIONS.map((name) => Number.parseInt(name, 10)),
    );
    await Promise.all(stores.map((store) => store.stop()));
  });

  it("is brought up to date from wherever it is", async () => {
    const { to } = await migrateSchema({ url, schema: "agentlane" });
    expect(await migrateSchema({ url, schema: "agentlane" })).toEqual({ from: to, to });
    for (const from of [13, 16, 22]) {
      const older = await server.createDatabase();
      await migrateTo(older, from);
      expect(await migrateSchema({ url: older, schema: "agentlane" })).toEqual({ from, to });
      const store = storeAt(older, { migrate: "manual" });
      await store.start();
      await runTask(store);
      await store.stop();
    }
  });

  it("is left alone where a start may not change it, and the command is named", async () => {
    await expect(storeAt(url, { migrate: "manual" }).start()).rejects.toMatchObject({
      kind: "failed_precondition",
      message: expect.stringContaining("run `agentlane migrate`"),
    });
    expect(await sql(url, "SELECT 1 FROM pg_namespace WHERE nspname = 'agentlane'")).toEqual([]);
    const { code, output } = await run(["migrate"], { STORE_URL: url });
    expect([code, output]).toEqual([0, expect.stringMatching(/is now at version \d+/)]);
    expect((await run(["migrate"], { STORE_URL: url })).output).toContain("is up to date");
    const store = storeAt(url, { migrate: "manual" });
    await store.start();
    await store.stop();
  });

  it("of a newer release is refused", async () => {
    await migrateSchema({ url, schema: "agentlane" });
    await sql(url, "INSERT INTO agentlane.migrations (version, name) VALUES (9999, 'newer')");
    await expect(storeAt(url).start()).rejects.toMatchObject({
      kind: "failed_precondition",
      message: expect.stringContaining("version 9999, newer than this release"),
    });
  });

  it("leaves nothing behind when a migration fails", async () => {
    await sql(
      url,
      "CREATE SCHEMA agentlane; CREATE FUNCTION agentlane.purge_tasks(p_tenant text, p_task_ids text[], p_before double precision) RETURNS text LANGUAGE sql AS 'SELECT 1::text'",
    );
    await expect(storeAt(url).start()).rejects.toThrow();
    expect(await sql(url, "SELECT 1 FROM pg_tables WHERE schemaname = 'agentlane'")).toEqual([]);
  });

  /** As docs/postgres.md has it. */
  const GRANTS = `
    CREATE ROLE runner LOGIN;
    GRANT USAGE ON SCHEMA agentlane TO runner;
    GRANT SELECT ON agentlane.migrations TO runner;
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA agentlane TO runner;
    REVOKE INSERT, UPDATE, DELETE ON agentlane.migrations FROM runner;
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA agentlane TO runner;`;

  it("is used by a role that may change rows and nothing else", async () => {
    await migrateSchema({ url, schema: "agentlane" });
    await sql(url, GRANTS);
    const asRunner = url.replace("postgres://postgres@", "postgres://runner@");
    const store = storeAt(asRunner);
    await store.start();
    await runTask(store);
    await store.stop();
    await expect(sql(asRunner, "CREATE TABLE agentlane.mine ()")).rejects.toThrow(
      "permission denied",
    );
    await expect(sql(asRunner, "DROP TABLE agentlane.tasks")).rejects.toThrow("must be owner");
    await sql(url, "DELETE FROM agentlane.migrations WHERE version > 13");
    await expect(storeAt(asRunner).start()).rejects.toMatchObject({
      kind: "failed_precondition",
      message: expect.stringContaining("lacks permissions"),
    });
  });
});

describe.runIf(hasPostgres)("at start the PostgreSQL store", () => {
  async function withServer<T>(
    options: PostgresServerOptions,
    work: (server: PostgresServer) => Promise<T>,
  ): Promise<T> {
    const server = await startPostgres(options);
    try {
      return await work(server);
    } finally {
      await server.stop();
    }
  }

  it("says what is wrong with a URL", () => {
    for (const url of ["", "localhost:5432", "http://localhost", "postgres://"]) {
      expect(() => storeAt(url)).toThrow(/STORE_URL must look like postgres:/);
    }
    const missing = "postgres://localhost/a?sslmode=verify-full&sslrootcert=./nowhere.crt";
    expect(() => storeAt(missing)).toThrow(/nowhere\.crt/);
  });

  it("says what the server refuses, and never shows a password", async () => {
    await withServer({ password: "right-secret" }, async (server) => {
      const right = await server.createDatabase();
      const wrong = right.replace("right-secret", "wrong-secret");
      await expect(storeAt(wrong).start()).rejects.toMatchObject({
        kind: "failed_precondition",
        message: expect.stringMatching(/the password in STORE_URL/),
      });
      await expect(storeAt(server.url("nowhere")).start()).rejects.toMatchObject({
        kind: "failed_precondition",
        message: expect.stringContaining("does not exist"),
      });
      await server.kill();
      const failure = await storeAt(right)
        .start()
        .catch((error: unknown) => error);
      expect(failure).toMatchObject({
        kind: "unavailable",
        message: expect.stringMatching(/127\.0\.0\.1:\d+ \(STORE_URL\).*ECONNREFUSED/),
      });
      expect(String(failure)).not.toContain("secret");
    });
  });

  it("warns when a crash of the server would lose tasks", async () => {
    const warnings: string[] = [];
    const onWarning = (message: string): void => void warnings.push(message);
    await withServer({ fsync: true }, async (server) => {
      const url = await server.createDatabase();
      const start = async (): Promise<void> => {
        const store = storeAt(url, { onWarning });
        await store.start();
        await store.stop();
      };
      await start();
      expect(warnings).toEqual([]);
      const name = new URL(url).pathname.slice(1);
      await sql(url, `ALTER DATABASE ${name} SET synchronous_commit = off`);
      await start();
      expect(warnings).toEqual([expect.stringContaining("synchronous_commit = on")]);
    });
  });

  it("refuses a database in another encoding", async () => {
    await withServer({}, async (server) => {
      await sql(
        server.url(),
        "CREATE DATABASE old TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'",
      );
      await expect(storeAt(server.url("old")).start()).rejects.toMatchObject({
        message: expect.stringContaining("ENCODING 'UTF8'"),
      });
    });
  });
});
