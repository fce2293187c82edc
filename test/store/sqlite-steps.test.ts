/** What breaks if one task has a long log, or one session many tasks, while others want to go on? */
import { linkSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { TaskRef } from "../../src/store/contract.ts";
import { createSqliteStore } from "../../src/store/sqlite/store.ts";
import { Scene } from "../conformance/store/scene.ts";
import { fakeClock } from "../fakes/fake-clock.ts";
import { QUEUE, TENANT } from "../harness/builders.ts";

let folder: string;
let path: string;
let scene: Scene;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "agentlane-sqlite-"));
  path = join(folder, "store.db");
  scene = new Scene();
  const clock = fakeClock();
  const store = createSqliteStore({ path, clock, synchronous: "normal" });
  await scene.open({
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
});
afterEach(async () => {
  await scene.close();
  rmSync(folder, { recursive: true });
});

/** As many as that of one append each, of the newest attempt. */
async function lengthen(ref: TaskRef, count: number): Promise<void> {
  const db = new DatabaseSync(path, { timeout: 1000 });
  db.prepare(
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
    INSERT INTO events SELECT id, 100 + i, entries FROM n, tasks JOIN events ON events.task = tasks.id
    WHERE task_id = ? AND events.last_sequence = 1`,
  ).run(count, ref.taskId);
  db.prepare("UPDATE tasks SET last_sequence = ? WHERE task_id = ?").run(100 + count, ref.taskId);
  db.close();
}

function rowCount(table = "events"): number {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    return Number(db.prepare(`SELECT count(*) AS found FROM ${table}`).get()?.found);
  } finally {
    db.close();
  }
}

async function dead(sessionId = ""): Promise<TaskRef> {
  const claim = await scene.run({ task: { sessionId } });
  await scene.fail(claim);
  return claim.lease;
}

describe("a sweep", () => {
  it.each([
    ["logs", { logRetentionMs: 0 }, 1],
    ["tasks", { deadLetterRetentionMs: 0 }, 0],
  ])("deletes so much of %s at a time, and hides the rest", async (_, past, taskCount) => {
    const ref = await dead();
    await lengthen(ref, 2500);
    const all = rowCount();
    const { sweptCount } = await scene.sweep(past);
    expect([sweptCount, all - rowCount()]).toEqual([100, 1000]);
    expect(await scene.store.log.read(ref, 0, 10)).toMatchObject({
      entries: [],
      firstSequence: 2601,
      lastSequence: 2600,
    });
    expect((await scene.sweep(past)).sweptCount).toBe(100);
    expect((await scene.sweep(past)).sweptCount).toBe(1);
    expect([rowCount(), rowCount("tasks")]).toEqual([0, taskCount]);
    expect((await scene.sweep(past)).sweptCount).toBe(0);
  });

  it("may meet a task that runs again with a rest of its old log", async () => {
    const ref = await dead();
    await lengthen(ref, 1500);
    await scene.sweep({ logRetentionMs: 0 });
    await scene.store.deadLetters.redrive(TENANT, [ref.taskId]);
    const told = await scene.entries(ref);
    expect(told.map(({ sequence }) => sequence)).toEqual([1601]);
    await scene.complete(await scene.claim(ref));
    while ((await scene.sweep({ logRetentionMs: 0, taskRetentionMs: 0 })).sweptCount > 0);
    expect([rowCount(), rowCount("tasks")]).toEqual([0, 0]);
  });
});

describe("purged dead letters", () => {
  it.each([
    ["by id", (ids: string[]) => ({ taskIds: ids })],
    ["by filter", () => ({})],
  ])("go with logs that are too long for one step, %s", async (_, select) => {
    const refs = [await dead(), await dead(), await dead()];
    for (const ref of refs) await lengthen(ref, 1500);
    const ids = refs.map(({ taskId }) => taskId);
    expect(await scene.store.deadLetters.purge(TENANT, select(ids))).toBe(3);
    expect([rowCount(), rowCount("tasks")]).toEqual([0, 0]);
  });
});

describe("a destroyed session", () => {
  it("goes in steps, and others go between them", async () => {
    const waiting = await Promise.all(Array.from({ length: 250 }, () => scene.acceptIn("s1")));
    await lengthen(await dead("s2"), 1500);
    const order: string[] = [];
    const destroyed = scene.store.sessions.destroy(scene.session()).then((answer) => {
      order.push("destroyed");
      return answer;
    });
    const accepted = scene.acceptIn("s2").then(() => order.push("accepted"));
    const { canceledCount, effects } = await destroyed;
    await accepted;
    expect(order).toEqual(["accepted", "destroyed"]);
    expect([canceledCount, effects.doorbells, effects.notices.length]).toEqual([250, [], 251]);
    for (const { ref } of waiting.slice(0, 3)) expect(await scene.tryClaim(ref)).toBeUndefined();
    await scene.store.sessions.destroy(scene.session("s2"));
    for (const table of ["tasks", "events", "sessions"]) expect(rowCount(table), table).toBe(0);
  });

  it("begins anew between two steps", async () => {
    for (let count = 0; count < 250; count++) await scene.acceptIn("s1");
    const destroyed = scene.store.sessions.destroy(scene.session());
    const { ref, effects } = await scene.acceptIn("s1");
    expect(effects.doorbells).toEqual([]);
    scene.expectRung((await destroyed).effects, ref);
    const { sessionEtag } = await scene.commit(await scene.claim(ref));
    expect((await scene.store.sessions.load(scene.session()))?.etag).toBe(sessionEtag);
    expect(await scene.store.log.figures(QUEUE)).toMatchObject({
      readyCount: 0,
      waitingCount: 0,
      completedCount: 251,
    });
  });
});

describe("a file", () => {
  it("stands alone, beside its log and its lock", async () => {
    await scene.accept();
    const names = ["store.db", "store.db-lock", "store.db-shm", "store.db-wal"];
    expect(readdirSync(folder).sort()).toEqual(names);
  });

  it("with a second name is refused, because two could own it", async () => {
    await scene.accept();
    const other = join(folder, "other.db");
    linkSync(path, other);
    const second = createSqliteStore({ path: other, clock: fakeClock() });
    await expect(second.start()).rejects.toMatchObject({
      kind: "failed_precondition",
      reason: "SQLITE_HARD_LINK",
    });
  });
});
