import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { ExecuteRequestSchema } from "../../gen/agentlane/v1/agent_service_pb.js";
import { ExecutionContextSchema } from "../../gen/agentlane/v1/session_pb.js";
import {
  TaskErrorSchema,
  TaskEventSchema,
  TaskResultSchema,
  TaskState,
} from "../../gen/agentlane/v1/task_pb.js";
import { encryptStore } from "../../src/encryption/encrypted-store.ts";
import { SEALED_FIELD, sealedField, sealedIn } from "../../src/encryption/sealed-field.ts";
import { createMemoryStore } from "../../src/store/memory/store.ts";
import { completed, failed, Scene } from "../conformance/store/scene.ts";
import { fakeClock } from "../fakes/fake-clock.ts";
import {
  executionContext,
  messageEvents,
  newTaskId,
  TENANT,
  taskError,
} from "../harness/builders.ts";
import { activated, contentOf, encrypted, newKeys, plainContent } from "../harness/encryption.ts";

const SECRET = "canary-2d81";
const KEYS = newKeys("old", "new");

/** One store as processes with different keys see it. */
async function installation() {
  const clock = fakeClock();
  const inner = createMemoryStore({ clock });
  const sceneOf = async (store: typeof inner): Promise<Scene> => {
    const scene = new Scene();
    await scene.open({
      unitMs: 1000,
      ringsItself: false,
      dump: async () => [],
      make: async () => store,
      advance: (byMs) => clock.advance(byMs),
      dispose: async () => undefined,
    });
    return scene;
  };
  const plain = await sceneOf(inner);
  return {
    inner,
    plain,
    withOld: await sceneOf(encrypted(inner, KEYS)),
    withNew: await sceneOf(encrypted(inner, activated(KEYS, "new"))),
    stranger: await sceneOf(encrypted(inner, newKeys("other"))),
    keyless: await sceneOf(encryptStore(inner, plainContent())),
  };
}

const said = (text: string) => ({ request: { messages: [], input: stringValue(text) } });
const stringValue = (text: string) => ({ kind: { case: "stringValue" as const, value: text } });

describe("what an encrypted store gives to its adapter", () => {
  it("shows nothing of a task's content, and all that schedules it", async () => {
    const { withOld, plain } = await installation();
    const task = { sessionId: "s1", metadata: { team: "blue" }, idempotencyKey: "key-1" };
    const { ref } = await withOld.accept({ ...said(SECRET), task, requestDigest: "d".repeat(64) });
    const claim = await withOld.claim(ref);
    await withOld.store.tasks.append(claim.lease, 2, messageEvents(SECRET, "b"));
    const session = executionContext({
      history: claim.record.request?.messages ?? [],
      version: 1n,
    });
    session.metadata = { note: SECRET };
    session.checkpoint = Buffer.from(SECRET);
    await withOld.finish(claim, completed(SECRET), { afterSequence: 4, session });
    const stored = [
      await plain.get(ref),
      await plain.entries(ref),
      await plain.store.sessions.load(withOld.session()),
    ];
    expect(found(stored, SECRET)).toBe(0);
    expect(found(stored, "d".repeat(64))).toBe(0);
    expect(stored[0]).toMatchObject({ metadata: { team: "blue" }, idempotencyKey: "key-1" });
    expect(found([await withOld.get(ref), await withOld.entries(ref)], SECRET)).toBe(3);
    const loaded = await withOld.store.sessions.load(withOld.session());
    expect(loaded?.context).toMatchObject({ metadata: { note: SECRET } });
  });

  it("keeps the reason of an error, not what it says", async () => {
    const { withOld, plain } = await installation();
    const claim = await withOld.run();
    const error = taskError({ reason: "RATE_LIMITED", message: SECRET, causes: [SECRET] });
    await withOld.finish(claim, { state: TaskState.FAILED, error });
    const [stored] = (await plain.store.deadLetters.list(TENANT, {}, { size: 9, token: "" })).items;
    expect(stored?.error).toMatchObject({ reason: "RATE_LIMITED", message: "", causes: [] });
    expect((await withOld.get(claim.lease)).error).toMatchObject({ message: SECRET });
  });

  it("counts messages of a session that it cannot read", async () => {
    const { withOld, plain } = await installation();
    await withOld.store.sessions.import(withOld.session(), executionContext(), false);
    const page = await plain.store.sessions.list(TENANT, {}, { size: 10, token: "" });
    expect(page.items).toMatchObject([{ messageCount: 2, version: 1n }]);
  });

  it.each([
    ExecuteRequestSchema,
    TaskEventSchema,
    TaskResultSchema,
    TaskErrorSchema,
    ExecutionContextSchema,
  ])("has a field that $typeName leaves free", ({ fields }) => {
    expect(fields.map(({ number }) => number)).not.toContain(SEALED_FIELD);
  });
});

describe("keys of an installation", () => {
  it("may be active in one process and not in another, in the middle of a session", async () => {
    const { withOld, withNew } = await installation();
    for (let turn = 1; turn <= 6; turn++) {
      const [accepts, runs, reads] =
        turn % 2 ? [withOld, withNew, withOld] : [withNew, withOld, withNew];
      const { ref } = await accepts.acceptIn("s1", said(`turn ${turn}`));
      const claim = await runs.claim(ref);
      expect(claim.record.request?.input).toMatchObject(stringValue(`turn ${turn}`));
      await runs.commit(claim, { metadata: { turn: `${turn}` } });
      const stored = await reads.store.sessions.load(reads.session());
      expect(stored?.context).toMatchObject({
        version: BigInt(turn),
        metadata: { turn: `${turn}` },
      });
      expect(await reads.entries(ref)).toHaveLength(3);
    }
  });

  it("does not mistake a repeat for another request", async () => {
    const { withOld, withNew, plain, keyless } = await installation();
    const task = { idempotencyKey: "key-1" };
    const first = await withOld.accept({ task, requestDigest: "same" });
    const repeat = await withNew.accept({ task, requestDigest: "same" });
    expect([repeat.existing, repeat.ref]).toEqual([true, first.ref]);
    const conflict = { kind: "already_exists", reason: "IDEMPOTENCY_CONFLICT" };
    await expect(withNew.accept({ task, requestDigest: "other" })).rejects.toMatchObject(conflict);
    await expect(keyless.accept({ task, requestDigest: "same" })).rejects.toMatchObject(conflict);
    const before = { task: { idempotencyKey: "key-2" }, requestDigest: "same" };
    const accepted = await plain.accept(before);
    expect(await withOld.accept(before)).toMatchObject({ existing: true, ref: accepted.ref });
  });

  it("reads what was stored before there were any", async () => {
    const { plain, withOld } = await installation();
    const { ref } = await plain.acceptIn("s1", said("before"));
    const claim = await withOld.claim(ref);
    expect(claim.record.request?.input).toMatchObject(stringValue("before"));
    await plain.finish(claim, completed("before"), { session: executionContext() });
    expect(found(await withOld.entries(ref), "before")).toBe(1);
    expect(await withOld.store.sessions.load(withOld.session())).toMatchObject({
      context: { version: 1n },
    });
    const next = await withOld.claim((await withOld.acceptIn("s1")).ref);
    await withOld.commit(next, { metadata: { said: "after" } });
    const stored = await plain.store.sessions.load(plain.session());
    expect(stored && sealedIn(stored.context)).toBeDefined();
  });
});

describe("a process without the key", () => {
  const UNKNOWN = {
    kind: "failed_precondition",
    reason: "ENCRYPTION_KEY_UNKNOWN",
    metadata: { key_id: "old" },
  };

  it("claims a task that it cannot read, and learns why", async () => {
    const { withOld, stranger, keyless } = await installation();
    const first = await stranger.claim((await withOld.accept(said(SECRET))).ref);
    expect(first).toMatchObject({ unreadable: UNKNOWN, record: { tenant: TENANT } });
    expect(first.record.request).toBeUndefined();
    const second = await keyless.claim((await withOld.accept(said(SECRET))).ref);
    expect(second.unreadable).toMatchObject({ reason: "ENCRYPTION_NOT_CONFIGURED" });
  });

  it("loads no session, and leaves it as it is", async () => {
    const { withOld, stranger, keyless } = await installation();
    await withOld.commit(await withOld.claim((await withOld.acceptIn("s1")).ref));
    const ref = withOld.session();
    await expect(stranger.store.sessions.load(ref)).rejects.toMatchObject(UNKNOWN);
    await expect(keyless.store.sessions.load(ref)).rejects.toMatchObject({
      reason: "ENCRYPTION_NOT_CONFIGURED",
    });
    expect((await withOld.store.sessions.load(ref))?.context.version).toBe(1n);
  });

  it("refuses a result and a log, and lists the task with the reason", async () => {
    const { withOld, stranger } = await installation();
    const claim = await withOld.run();
    await withOld.complete(claim);
    await expect(stranger.get(claim.lease)).rejects.toMatchObject(UNKNOWN);
    await expect(stranger.entries(claim.lease)).rejects.toMatchObject(UNKNOWN);
    const page = await stranger.store.log.list(TENANT, {}, { size: 10, token: "" });
    expect(page.items).toMatchObject([
      { state: TaskState.COMPLETED, error: { reason: UNKNOWN.reason, retryable: true } },
    ]);
  });

  it("shows of an error what is readable, and why the rest is not", async () => {
    const { withOld, stranger } = await installation();
    const claim = await withOld.run();
    await withOld.fail(claim, "RATE_LIMITED");
    const message = 'content is encrypted with key "old", which this process does not have';
    const task = await stranger.get(claim.lease);
    expect(task.error).toMatchObject({ reason: "RATE_LIMITED", message });
    expect(task.attempts).toMatchObject([{ error: { reason: "RATE_LIMITED", message } }]);
  });

  it("ends the dead attempts of others", async () => {
    const { withOld, stranger } = await installation();
    const claim = await withOld.run();
    await withOld.outliveLeases();
    const [expired] = await stranger.store.tasks.expired(10);
    expect(expired?.lease).toEqual(claim.lease);
    await stranger.finish(claim, failed("LEASE_EXPIRED"), { ifExpired: true });
    expect(await withOld.deadLetters()).toEqual([claim.lease.taskId]);
  });
});

describe("content that was moved or changed", () => {
  const FORGED = { kind: "data_loss", reason: "CONTENT_NOT_AUTHENTIC" };

  it("is no request of another task, nor of the same one of another tenant", async () => {
    const { withOld, plain } = await installation();
    const claim = await plain.claim((await withOld.accept(said(SECRET))).ref);
    const stolen = claim.record.request ?? create(ExecuteRequestSchema);
    const sameId = { task: { taskId: claim.lease.taskId }, request: stolen, tenant: "umbrella" };
    for (const overrides of [{ request: stolen }, sameId]) {
      const taskId = newTaskId();
      const { ref } = await plain.accept({ task: { taskId }, ...overrides });
      expect((await withOld.claim(ref)).unreadable).toMatchObject(FORGED);
    }
  });

  it("is no session of another tenant, name or version", async () => {
    const { withOld, plain } = await installation();
    await withOld.store.sessions.import(withOld.session(), executionContext(), false);
    const stored = await plain.store.sessions.load(plain.session());
    if (!stored) throw new Error("the session is gone");
    for (const [ref, context] of [
      [plain.session("s1", "umbrella"), stored.context],
      [plain.session("s2"), { ...stored.context, sessionId: "s2" }],
      // The whole row, as it is.
      [plain.session("s3"), stored.context],
      [plain.session("s1"), { ...stored.context, version: 2n }],
    ] as const) {
      await plain.store.sessions.import(ref, context, true);
      await expect(withOld.store.sessions.load(ref)).rejects.toMatchObject(FORGED);
    }
  });

  it("is no task that another one's row was put over", async () => {
    const { withOld, inner } = await installation();
    const claim = await withOld.run();
    await withOld.finish(claim, completed("mine"));
    const { ref } = await withOld.accept();
    const log = { ...inner.log, get: async () => inner.log.get(claim.lease) };
    const swapped = encrypted({ ...inner, log }, KEYS);
    await expect(swapped.log.get(ref)).rejects.toMatchObject(FORGED);
    expect((await swapped.log.get(claim.lease)).result?.messages).toHaveLength(1);
  });

  it("is no log in another order", async () => {
    const { withOld, plain } = await installation();
    const claim = await withOld.run();
    await withOld.append(claim, "first", "second");
    const [, , third, fourth] = await plain.entries(claim.lease);
    const other = await plain.run();
    const events = [fourth?.event, third?.event].flatMap((event) => (event ? [event] : []));
    await plain.store.tasks.append(other.lease, 2, events);
    await expect(withOld.entries(other.lease)).rejects.toMatchObject(FORGED);
  });

  it("is not what a client puts in its place", async () => {
    const { keyless, withOld } = await installation();
    const context = executionContext({ metadata: { note: "plain" } });
    context.$unknown = sealedField(Buffer.from("forged"));
    for (const scene of [keyless, withOld]) {
      await scene.store.sessions.import(scene.session(), context, true);
      const stored = await scene.store.sessions.load(scene.session());
      expect(stored?.context.metadata).toEqual({ note: "plain" });
    }
    const request = create(ExecuteRequestSchema, { sessionId: "s9" });
    request.$unknown = sealedField(Buffer.from("forged"));
    for (const scene of [keyless, withOld]) {
      const { unreadable, record } = await scene.claim((await scene.accept({ request })).ref);
      expect({ unreadable, sealed: record.request && sealedIn(record.request) }).toEqual({});
    }
  });
});

it("counts for a tenant what encryption adds", async () => {
  const inner = createMemoryStore({ clock: fakeClock() });
  const store = encryptStore(inner, contentOf(KEYS));
  const scene = new Scene();
  const fixture = {
    unitMs: 1,
    ringsItself: false,
    dump: async () => [],
    make: async () => store,
  };
  await scene.open({ ...fixture, advance: async () => undefined, dispose: async () => undefined });
  await scene.accept({ request: { messages: [] }, limits: { window: 1 }, requestBytes: 10 });
  expect((await store.tenants.usage(TENANT)).storedBytes).toBeGreaterThan(10);
});

/** How often a text occurs, in texts and bytes. */
function found(value: unknown, text: string): number {
  if (typeof value === "string") return value.includes(text) ? 1 : 0;
  if (value instanceof Uint8Array) return Buffer.from(value).includes(text) ? 1 : 0;
  if (value === null || typeof value !== "object") return 0;
  return Object.values(value).reduce((sum, item) => sum + found(item, text), 0);
}
