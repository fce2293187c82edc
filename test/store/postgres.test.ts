import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock, systemRandom } from "../../src/clock.ts";
import type { Store } from "../../src/store/contract.ts";
import { createPostgresStore, type PostgresStoreOptions } from "../../src/store/postgres/store.ts";
import { storeConformance } from "../conformance/store-suite.ts";
import { newTaskId, QUEUE, submission, TENANT } from "../harness/builders.ts";
import { recordsOf } from "../harness/postgres-records.ts";
import {
  hasPostgres,
  type PostgresServer,
  sharedPostgres,
  sql,
} from "../harness/postgres-server.ts";

/** Lets a test's hours pass: the server's time plus what the table says. */
const SHIFTED_TIME = `
  CREATE TABLE agentlane.clock_shift (ms bigint NOT NULL);
  INSERT INTO agentlane.clock_shift VALUES (0);
  CREATE OR REPLACE FUNCTION agentlane.now_ms() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
  BEGIN
    RETURN floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint
      + (SELECT ms FROM agentlane.clock_shift);
  END $$;`;

const EMPTY = `
  TRUNCATE agentlane.api_keys, agentlane.lanes, agentlane.contexts, agentlane.submissions, agentlane.tasks,
    agentlane.doorbells, agentlane.keys, agentlane.events, agentlane.counts, agentlane.workers,
    agentlane.instances, agentlane.tenants, agentlane.tenant_lines, agentlane.closed_tenants;
  UPDATE agentlane.clock_shift SET ms = 0;`;

describe.runIf(hasPostgres)("on a shared PostgreSQL", () => {
  let server: Pick<PostgresServer, "createDatabase" | "stop">;
  let url = "";
  beforeAll(async () => {
    server = await sharedPostgres();
    url = await server.createDatabase();
    const store = open();
    await store.start();
    await store.stop();
    await sql(url, SHIFTED_TIME);
  });
  afterAll(() => server.stop());

  function open(overrides: Partial<PostgresStoreOptions> = {}): Store {
    return createPostgresStore({
      url,
      clock: systemClock,
      random: systemRandom,
      onWarning: () => undefined,
      ...overrides,
    });
  }

  storeConformance("the PostgreSQL store", async () => {
    await sql(url, EMPTY);
    const store = open();
    return {
      unitMs: 1000,
      ringsItself: false,
      async make() {
        await store.start();
        return store;
      },
      async advance(byMs) {
        await sql(url, "UPDATE agentlane.clock_shift SET ms = ms + $1", [Math.ceil(byMs)]);
      },
      dump: () => recordsOf(url),
      dispose: () => store.stop(),
    };
  });

  describe("the PostgreSQL store's tables", () => {
    it("hold nothing but figures when all tasks and sessions are gone", async () => {
      await sql(url, EMPTY);
      const store = open();
      await store.start();
      const task = { sessionId: "s1", idempotencyKey: "k1" };
      const { task: accepted } = await store.tasks.create(submission({ task }));
      const ref = { tenant: TENANT, taskId: accepted.taskId };
      const claimed = { workerId: "w1", claimId: newTaskId(), leaseMs: 1000, spanId: "" };
      await store.tasks.claim({ ref, ...claimed });
      await store.sessions.destroy({ tenant: TENANT, agentId: "echo", sessionId: "s1" });
      expect(await store.log.queues()).toEqual([QUEUE]);
      await store.stop();
      for (const table of [
        "lanes",
        "contexts",
        "submissions",
        "tasks",
        "doorbells",
        "keys",
        "events",
      ]) {
        const [row] = await sql(url, `SELECT count(*)::integer AS count FROM agentlane.${table}`);
        expect([table, row?.count]).toEqual([table, 0]);
      }
    });

    it("keep installations apart by their schemas", async () => {
      const [mine, yours] = [open({ schema: "mine" }), open({ schema: "select" })];
      await mine.start();
      await yours.start();
      const { task } = await mine.tasks.create(submission());
      const ref = { tenant: TENANT, taskId: task.taskId };
      await expect(yours.log.get(ref)).rejects.toMatchObject({ kind: "not_found" });
      await mine.stop();
      await yours.stop();
    });

    it.each(["", "A", "a-b", 'a"b', "1a"])("refuse the schema %j", (schema) => {
      expect(() => open({ schema })).toThrow(/POSTGRES_SCHEMA/);
    });
  });
});
