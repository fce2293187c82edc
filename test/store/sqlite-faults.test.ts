/** What breaks if the process, the disk or the file fails between two steps? */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { systemClock } from "../../src/clock.ts";
import { isKind } from "../../src/errors.ts";
import type { Store, TaskRef } from "../../src/store/contract.ts";
import { createSqliteStore } from "../../src/store/sqlite/store.ts";
import {
  AGENT,
  newTaskId,
  submission,
  TENANT,
  taskError,
  taskResult,
  worker,
} from "../harness/builders.ts";

const WRITER = new URL("sqlite-writer.ts", import.meta.url).pathname;

let folder: string;
let path: string;
const disposals: (() => Promise<void> | void)[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "agentlane-sqlite-"));
  path = join(folder, "store.db");
});
afterEach(async () => {
  for (const dispose of disposals.splice(0).reverse()) await dispose();
  rmSync(folder, { recursive: true });
});

function storeAt(at: string): Store {
  const store = createSqliteStore({ path: at, clock: systemClock });
  disposals.push(() => store.stop());
  return store;
}

async function startedAt(at: string): Promise<Store> {
  const store = storeAt(at);
  await store.start();
  return store;
}

async function accept(store: Store, overrides: Parameters<typeof submission>[0] = {}) {
  const { task } = await store.tasks.create(submission(overrides));
  return { tenant: TENANT, taskId: task.taskId };
}

async function claim(store: Store, ref: TaskRef) {
  const request = { ref, workerId: "w1", claimId: newTaskId(), leaseMs: 60_000, spanId: "" };
  const { claim: claimed } = await store.tasks.claim(request);
  if (!claimed) throw new Error("not claimed");
  return claimed;
}

/** What SQLite finds wrong with the file. */
function damagesOf(at: string): unknown[] {
  const db = new DatabaseSync(at, { readOnly: true });
  try {
    const checked = db.prepare("PRAGMA integrity_check").all();
    const orphans = db.prepare("PRAGMA foreign_key_check").all();
    return [...checked.filter((row) => row.integrity_check !== "ok"), ...orphans];
  } finally {
    db.close();
  }
}

interface Writer {
  readonly child: ChildProcess;
  readonly said: string[];
  /** Resolves when so many lines have been said. */
  says(count: number): Promise<void>;
  kill(): Promise<void>;
}

function startWriter(round: number): Writer {
  const child = spawn(process.execPath, [WRITER, path, String(round)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const said: string[] = [];
  let look = (): void => {};
  createInterface({ input: child.stdout }).on("line", (line) => {
    said.push(line);
    look();
  });
  const closed = once(child, "close");
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await closed;
  };
  disposals.push(kill);
  return {
    child,
    said,
    kill,
    says: (count) =>
      new Promise((resolve, reject) => {
        closed.then(() => reject(new Error(`it died after ${said.join()}`)), reject);
        look = () => {
          if (said.length >= count) resolve();
        };
        look();
      }),
  };
}

describe("a process that is killed", () => {
  it("leaves everything that was answered, and a file that is whole", {
    timeout: 180_000,
  }, async () => {
    for (let round = 1; round <= 8; round++) {
      const writer = startWriter(round);
      await writer.says(20 + 37 * round);
      await writer.kill();
      const store = await startedAt(path);
      expect(damagesOf(path)).toEqual([]);
      await expectAllOf(writer.said, store);
      await store.stop();
    }
  });

  it("gives its leases, its doorbells and its workers up", async () => {
    const first = await startedAt(path);
    const running = await claim(first, await accept(first, { task: { sessionId: "s1" } }));
    const waiting = await accept(first);
    await first.tasks.markPublished([waiting]);
    const retrying = await claim(first, await accept(first));
    await first.tasks.finish(retrying.lease, {
      afterSequence: 2,
      events: [],
      ending: {
        state: TaskState.RETRY_WAIT,
        error: taskError(),
        delayMs: 3_600_000,
      },
    });
    await first.workers.report({ worker: worker(), ttlMs: 60_000, changed: [], removed: [] });
    await first.stop();
    const next = await startedAt(path);
    expect((await next.tasks.expired(10)).map(({ lease }) => lease)).toEqual([running.lease]);
    const { effects } = await next.tasks.sweep(SWEEP);
    expect(effects.doorbells.map(({ taskId }) => taskId)).toEqual([waiting.taskId]);
    expect((await next.log.get(retrying.lease)).state).toBe(TaskState.RETRY_WAIT);
    expect(await next.workers.list()).toEqual([]);
  });
});

const SWEEP = {
  limit: 100,
  unpublishedAfterMs: 5000,
  logRetentionMs: 3_600_000,
  taskRetentionMs: 3_600_000,
  deadLetterRetentionMs: 3_600_000,
  sessionRetentionMs: 3_600_000,
};

/** Each line says what the store had answered before the kill. */
async function expectAllOf(said: readonly string[], store: Store): Promise<void> {
  for (const line of said) {
    const [what, taskId = "", number = ""] = line.split(" ");
    if (what === "started") continue;
    const task = await store.log.get({ tenant: TENANT, taskId });
    if (what === "appended") expect(task.lastSequence).toBeGreaterThanOrEqual(Number(number));
    if (what === "accepted") {
      const again = submission({ task: { idempotencyKey: `key ${taskId}` } });
      expect((await store.tasks.create(again)).task.taskId).toBe(taskId);
    }
    if (what !== "finished") continue;
    expect(task.state).toBe(TaskState.COMPLETED);
    const ref = { tenant: TENANT, agentId: AGENT, sessionId: task.sessionId };
    const version = (await store.sessions.load(ref))?.context.version ?? 0n;
    expect(version).toBeGreaterThanOrEqual(BigInt(number));
  }
}

describe("a second owner", () => {
  it("is refused, and told what to do, until the first is gone", { timeout: 60_000 }, async () => {
    const writer = startWriter(1);
    await writer.says(1);
    const second = storeAt(path);
    await expect(second.start()).rejects.toMatchObject({
      kind: "failed_precondition",
      reason: "SQLITE_IN_USE",
      message: expect.stringMatching(/belongs to another running process.*stop that process/),
    });
    await writer.kill();
    await second.start();
  });

  it("is found by another name of the file, too", async () => {
    await startedAt(path);
    const other = join(folder, "other.db");
    symlinkSync(path, other);
    await expect(startedAt(other)).rejects.toMatchObject({ reason: "SQLITE_IN_USE" });
  });

  it("of another kind, a backup for example, may read", async () => {
    const store = await startedAt(path);
    const { taskId } = await accept(store);
    const reader = new DatabaseSync(path, { readOnly: true });
    disposals.push(() => reader.close());
    expect(reader.prepare("SELECT task_id FROM tasks").all()).toMatchObject([{ task_id: taskId }]);
  });
});

describe("a file that cannot be used", () => {
  const refused = (reason: string, message: RegExp) => ({
    kind: "failed_precondition",
    reason,
    message: expect.stringMatching(message),
  });

  it("because it is a folder", async () => {
    const start = startedAt(folder);
    await expect(start).rejects.toMatchObject(refused("SQLITE_IS_A_FOLDER", /is a folder; name/));
  });

  it("because its folder is missing", async () => {
    const start = startedAt(join(folder, "no", "store.db"));
    await expect(start).rejects.toMatchObject(refused("SQLITE_CANNOT_OPEN", /make it first/));
  });

  it("because it is no database", async () => {
    writeFileSync(path, "This is a text that is longer than the header of a database.".repeat(100));
    const start = startedAt(path);
    await expect(start).rejects.toMatchObject(
      refused("SQLITE_NOT_A_DATABASE", /is not an SQLite database/),
    );
  });

  it("because it is the database of another program", async () => {
    new DatabaseSync(path).exec("CREATE TABLE notes (text TEXT)");
    const start = startedAt(path);
    await expect(start).rejects.toMatchObject(refused("SQLITE_FOREIGN", /another program/));
  });

  it("because it is damaged", async () => {
    const store = await startedAt(path);
    for (let index = 0; index < 50; index++) await accept(store);
    await store.stop();
    const db = new DatabaseSync(path);
    const { root } = { ...db.prepare(ROOT_OF_TASKS).get() };
    const { page_size: size } = { ...db.prepare("PRAGMA page_size").get() };
    db.close();
    spoil(path, (Number(root) - 1) * Number(size));
    const damaged = expect.objectContaining(refused("SQLITE_CORRUPT", /is damaged; put a backup/));
    const opened = storeAt(path);
    const call = opened.start().then(() => opened.tasks.ready("agent.tasks", "", 10));
    await expect(call).rejects.toEqual(damaged);
  });

  it("because this user may not write it", { skip: process.getuid?.() !== 0 }, async () => {
    chmodSync(folder, 0o755);
    mkdirSync(join(folder, "theirs"), { mode: 0o755 });
    const theirs = join(folder, "theirs", "store.db");
    const child = spawnSync(process.execPath, [WRITER, theirs, "1"], {
      uid: 65_534,
      gid: 65_534,
      encoding: "utf8",
    });
    expect(child.stderr).toMatch(/cannot be opened; its folder must exist, and this user must be/);
  });
});

/** Overwrites a page. */
function spoil(at: string, from: number): void {
  const file = openSync(at, "r+");
  writeSync(file, Buffer.alloc(512, 0xff), 0, 512, from);
  closeSync(file);
}

const ROOT_OF_TASKS = "SELECT rootpage AS root FROM sqlite_schema WHERE name = 'tasks_ready'";

describe("a full disk", () => {
  const full = {
    kind: "resource_exhausted",
    reason: "SQLITE_FULL",
    retryable: true,
    message: expect.stringMatching(/no room left for .*; free space on its disk/),
  };

  it("refuses what it cannot hold, loses nothing, and goes on when there is room", {
    skip: !canMount(),
  }, async () => {
    const disk = join(folder, "disk");
    mkdirSync(disk);
    run("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk);
    disposals.push(() => run("umount", disk));
    const at = join(disk, "store.db");
    const store = await startedAt(at);
    const held = await claim(store, await accept(store, { task: { sessionId: "s1" } }));
    const ballast = join(disk, "ballast");
    writeFileSync(ballast, Buffer.alloc(1024 * 1024));
    const accepted: TaskRef[] = [];
    const refusal = await untilRefused(async () => {
      accepted.push(await accept(store, { task: { metadata: { load: "x".repeat(10_000) } } }));
    });
    expect(refusal).toMatchObject(full);
    await store.check();
    rmSync(ballast);
    await accept(store);
    const ending = { state: TaskState.COMPLETED, result: taskResult() } as const;
    await store.tasks.finish(held.lease, { afterSequence: 2, events: [], ending });
    for (const ref of accepted) await store.log.get(ref);
    await store.stop();
    expect(damagesOf(at)).toEqual([]);
  });

  it("of the file's own limit fails each operation as a whole", async () => {
    const store = await startedAt(path);
    await store.stop();
    const db = new DatabaseSync(path);
    const { page_count: pages } = { ...db.prepare("PRAGMA page_count").get() };
    db.close();
    const limited = createSqliteStore({
      path,
      clock: systemClock,
      maxPageCount: Number(pages) + 20,
    });
    disposals.push(() => limited.stop());
    await limited.start();
    const writes = Array.from({ length: 40 }, () =>
      accept(limited, { task: { metadata: { load: "x".repeat(10_000) } } }),
    );
    const results = await Promise.allSettled(writes);
    const refusals = results.flatMap((each) => (each.status === "rejected" ? [each.reason] : []));
    expect(refusals.length).toBeGreaterThan(0);
    for (const refusal of refusals) expect(refusal).toMatchObject(full);
    const listed = await limited.log.list(TENANT, {}, { size: 100, token: "" });
    expect(listed.items).toHaveLength(results.length - refusals.length);
    const figures = await limited.log.figures("agent.tasks");
    expect(figures.readyCount).toBe(listed.items.length);
    expect(damagesOf(path)).toEqual([]);
  });
});

async function untilRefused(write: () => Promise<void>): Promise<unknown> {
  for (let count = 0; count < 10_000; count++) {
    try {
      await write();
    } catch (error) {
      if (isKind(error, "resource_exhausted")) return error;
      throw error;
    }
  }
  throw new Error("nothing was refused");
}

function run(command: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command}: ${stderr}`);
}

/** Containers without the right to mount test the file's own limit only. */
function canMount(): boolean {
  const at = mkdtempSync(join(tmpdir(), "agentlane-mount-"));
  const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", at]);
  if (status === 0) run("umount", at);
  else console.log("skipped: a disk that is really full, for this user may not mount one");
  rmSync(at, { recursive: true });
  return status === 0;
}
