/** What is in the file, and how SQLite finds it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fromBinary } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { LogEntriesSchema, TaskRecordSchema } from "../../gen/agentlane/store/v1/record_pb.js";
import { ExecutionContextSchema } from "../../gen/agentlane/v1/session_pb.js";
import { TaskSchema, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { MIGRATIONS } from "../../src/store/sqlite/schema.ts";
import { SQL } from "../../src/store/sqlite/statements.ts";
import { createSqliteStore } from "../../src/store/sqlite/store.ts";
import { completed, Scene } from "../conformance/store/scene.ts";
import { fakeClock } from "../fakes/fake-clock.ts";
import { AGENT, executionContext, QUEUE, TENANT } from "../harness/builders.ts";

let folder: string;
let path: string;
let scene: Scene;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "agentlane-sqlite-"));
  path = join(folder, "store.db");
  scene = await open();
});
afterEach(async () => {
  await scene.close();
  rmSync(folder, { recursive: true });
});

async function open(): Promise<Scene> {
  const clock = fakeClock();
  const store = createSqliteStore({ path, clock, synchronous: "normal" });
  const opened = new Scene();
  await opened.open({
    unitMs: 1000,
    ringsItself: false,
    async make() {
      await store.start();
      return store;
    },
    advance: (byMs) => clock.advance(byMs),
    dump: async () => [],
    dispose: () => store.stop(),
  });
  return opened;
}

function look<T>(read: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(path);
  try {
    return read(db);
  } finally {
    db.close();
  }
}

function numberOf(db: DatabaseSync, pragma: string): number {
  return Number(Object.values(db.prepare(`PRAGMA ${pragma}`).get() ?? {})[0]);
}

function blobOf(db: DatabaseSync, sql: string): Uint8Array {
  const blob = Object.values(db.prepare(sql).get() ?? {})[0];
  if (!(blob instanceof Uint8Array)) throw new Error(`${sql} found no blob`);
  return blob;
}

describe("queries", () => {
  // A whole table, or a whole index, that grows with the tasks.
  const scan = /^SCAN (tasks|events|submissions|idempotency_keys|sessions)\b/;
  /** Once, when the file is opened: along what is ready or running. */
  const atStart = ["ringAgain", "endLeases"];

  it.each(Object.entries(SQL).filter(([name]) => !atStart.includes(name)))(
    "%s looks at no more than it needs",
    (_, sql) => {
      const steps = look((db) => db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all());
      const details = steps.map(({ detail }) => String(detail));
      expect(details.filter((detail) => scan.test(detail))).toEqual([]);
      expect(details.filter((detail) => /TEMP B-TREE/.test(detail))).toEqual([]);
    },
  );
});

describe("records", () => {
  it("are Protobuf, as it is in the repository", async () => {
    const claim = await scene.run({
      task: { sessionId: "s1" },
      traceHeaders: { traceparent: "t" },
    });
    await scene.commit(claim);
    look((db) => {
      const task = fromBinary(TaskSchema, blobOf(db, "SELECT task FROM tasks"));
      expect(task).toMatchObject({ taskId: claim.lease.taskId, state: TaskState.COMPLETED });
      const record = fromBinary(TaskRecordSchema, blobOf(db, "SELECT record FROM submissions"));
      expect(record).toMatchObject({ tenant: TENANT, traceHeaders: { traceparent: "t" } });
      const events = "SELECT entries FROM events WHERE last_sequence = 2";
      const { entries } = fromBinary(LogEntriesSchema, blobOf(db, events));
      expect(entries).toMatchObject([{ attempt: 1, sequence: 2 }]);
      const context = fromBinary(
        ExecutionContextSchema,
        blobOf(db, "SELECT context FROM sessions"),
      );
      expect(context).toMatchObject({ agentId: AGENT, sessionId: "s1", version: 1n });
    });
  });

  it("hold versions that no number of JavaScript does", async () => {
    const version = 2n ** 64n - 1n;
    const ref = scene.session();
    await scene.store.sessions.import(ref, executionContext({ version }), false);
    expect((await scene.store.sessions.load(ref))?.context.version).toBe(version);
    const { items } = await scene.store.sessions.list(TENANT, {}, { size: 10, token: "" });
    expect(items).toMatchObject([{ version }]);
  });
});

describe("the file", () => {
  it("knows its version and its program", () => {
    look((db) => {
      expect(numberOf(db, "user_version")).toBe(MIGRATIONS.length);
      expect(numberOf(db, "application_id")).toBe(0x61676c6e);
    });
  });

  it("is refused when a newer release has written it", async () => {
    await scene.close();
    look((db) => db.exec(`PRAGMA user_version = ${MIGRATIONS.length + 1}`));
    await expect(open()).rejects.toMatchObject({
      kind: "failed_precondition",
      reason: "SQLITE_NEWER",
      message: expect.stringMatching(/newer release .*; start that release/),
    });
  });

  it("keeps everything over a restart, and never gives a number away twice", async () => {
    const { ref } = await scene.acceptIn("s1", { task: { idempotencyKey: "k1" } });
    const first = await scene.commit(await scene.claim(ref));
    await scene.close();
    scene = await open();
    expect(await scene.state(ref)).toBe(TaskState.COMPLETED);
    const again = await scene.accept({ task: { idempotencyKey: "k1" } });
    expect(again.ref).toEqual(ref);
    const next = await scene.claim((await scene.acceptIn("s1")).ref);
    expect(next.sessionEtag).toBe(first.sessionEtag);
    expect((await scene.commit(next)).sessionEtag).not.toBe(first.sessionEtag);
  });

  it("does not grow when as much goes as comes", async () => {
    const round = async (): Promise<number> => {
      for (let count = 0; count < 40; count++) {
        const claim = await scene.run({ task: { sessionId: `s${count}` } });
        await scene.append(claim, "x".repeat(2000));
        await scene.finish(claim, completed(), { afterSequence: 3 });
      }
      await scene.sweep({ taskRetentionMs: 0 });
      return look((db) => numberOf(db, "page_count"));
    };
    await round();
    const settled = await round();
    for (let count = 0; count < 3; count++)
      expect(await round()).toBeLessThanOrEqual(settled * 1.05);
  });

  it("holds nothing of tasks and sessions that are gone", async () => {
    const claim = await scene.run({ task: { sessionId: "s1", idempotencyKey: "k1" } });
    await scene.commit(claim);
    await scene.store.sessions.destroy(scene.session());
    look((db) => {
      for (const table of ["tasks", "submissions", "events", "idempotency_keys", "sessions"]) {
        const count = { ...db.prepare(`SELECT count(*) AS found FROM ${table}`).get() };
        expect(count, table).toEqual({ found: 0 });
      }
      expect(db.prepare("SELECT name FROM queues").all()).toMatchObject([{ name: QUEUE }]);
    });
  });
});
