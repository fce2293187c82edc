import { describe, expect, it } from "vitest";
import { CancelMode } from "../../../gen/agentlane/store/v1/record_pb.js";
import { MultitaskStrategy, TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import { executionContext, instance, TENANT, userMessage, worker } from "../../harness/builders.ts";
import { announced, canceled, retried, type Scene } from "./scene.ts";

export function sessionCases(scene: Scene): void {
  const load = () => scene.store.sessions.load(scene.session());

  async function turn(sessionId = "s1", overrides: Parameters<Scene["commit"]>[1] = {}) {
    const { ref } = await scene.acceptIn(sessionId);
    return scene.commit(await scene.claim(ref), overrides);
  }

  describe("sessions", () => {
    it("do not exist before the first committed turn", async () => {
      expect(await load()).toBeUndefined();
      await scene.complete(await scene.claim((await scene.acceptIn("s1")).ref));
      expect(await load()).toBeUndefined();
    });

    it("are committed with the finish of their task", async () => {
      const { sessionEtag } = await turn("s1", { metadata: { topic: "ships" } });
      const stored = await load();
      expect(stored?.etag).toBe(sessionEtag);
      expect(stored?.etag).not.toBe("");
      expect(stored?.context).toMatchObject({
        version: 1n,
        metadata: { topic: "ships" },
        createdAt: expect.anything(),
        updatedAt: expect.anything(),
      });
      expect(stored?.context.history).toHaveLength(2);
    });

    it("change their etag with every commit and hand it to the next claim", async () => {
      const first = (await turn()).sessionEtag;
      const { ref } = await scene.acceptIn("s1");
      const claim = await scene.claim(ref);
      expect(claim.sessionEtag).toBe(first);
      const { sessionEtag: second } = await scene.commit(claim);
      expect(second).not.toBe(first);
    });

    it("keep the instant of the first commit", async () => {
      await turn();
      const first = await load();
      await scene.pass(5);
      await turn();
      const second = await load();
      expect(second?.context.createdAt).toEqual(first?.context.createdAt);
      expect(second?.context.updatedAt).not.toEqual(first?.context.updatedAt);
    });

    it("are left alone by a finish without one", async () => {
      const { sessionEtag: before } = await turn();
      const { ref } = await scene.acceptIn("s1");
      const { sessionEtag } = await scene.fail(await scene.claim(ref));
      expect(sessionEtag).toBe(before);
      expect((await load())?.context.version).toBe(1n);
    });

    it.each([0n, 1n, 3n])("refuse version %s after version 1", async (version) => {
      await turn();
      const claim = await scene.claim((await scene.acceptIn("s1")).ref);
      const commit = scene.complete(claim, executionContext({ version }));
      await expect(commit).rejects.toMatchObject({ kind: "internal" });
      expect(await scene.state(claim.lease)).toBe(TaskState.RUNNING);
      expect((await load())?.context.version).toBe(1n);
      await scene.commit(claim);
    });

    it("refuse the commit of a stateless task and of another session's", async () => {
      const stateless = await scene.run();
      const commit = scene.complete(stateless, executionContext());
      await expect(commit).rejects.toMatchObject({ kind: "internal" });
      const other = await scene.claim((await scene.acceptIn("s2")).ref);
      const strange = scene.complete(other, executionContext({ sessionId: "s1" }));
      await expect(strange).rejects.toMatchObject({ kind: "internal" });
      expect(await load()).toBeUndefined();
    });

    it("are not committed twice by a repeated finish", async () => {
      const claim = await scene.claim((await scene.acceptIn("s1")).ref);
      const first = await scene.complete(claim, executionContext());
      const second = await scene.complete(claim, executionContext());
      expect(second.sessionEtag).toBe(first.sessionEtag);
      expect((await load())?.context.version).toBe(1n);
    });

    it("are not committed by an attempt that lost its lease", async () => {
      const claim = await scene.claim((await scene.acceptIn("s1")).ref);
      await scene.outliveLeases();
      await scene.finish(claim, { ...retried(), leaseExpired: true }, { ifExpired: true });
      await expect(scene.complete(claim, executionContext())).rejects.toMatchObject({
        kind: "lease_lost",
      });
      expect(await load()).toBeUndefined();
    });

    it("commit in accept order", async () => {
      const refs = await scene.lane();
      for (const [index, ref] of refs.entries()) {
        const history = [userMessage(`turn ${index}`)];
        await scene.commit(await scene.claim(ref), { history });
        const stored = await load();
        expect(stored?.context.version).toBe(BigInt(index + 1));
        expect(stored?.context.history[0]?.content[0]?.part.value).toBe(`turn ${index}`);
      }
    });

    it("are listed last used first, in pages", async () => {
      await turn("s1");
      await turn("s2");
      await turn("s3");
      await turn("s1");
      const page = (token: string) => scene.store.sessions.list(TENANT, {}, { size: 2, token });
      const first = await page("");
      expect(first.items).toMatchObject([
        { agentId: "echo", sessionId: "s1", version: 2n, messageCount: 2 },
        { sessionId: "s3", version: 1n },
      ]);
      const rest = await page(first.nextToken);
      expect(rest.items.map(({ sessionId }) => sessionId)).toEqual(["s2"]);
      expect(rest.nextToken).toBe("");
      const none = await scene.store.sessions.list(
        TENANT,
        { agentId: "other" },
        { size: 2, token: "" },
      );
      expect(none.items).toEqual([]);
    });
  });

  describe("import", () => {
    const context = executionContext({ version: 7n });

    it("creates a session that goes on from the imported version", async () => {
      const { effects } = await scene.store.sessions.import(scene.session(), context, false);
      expect(effects.notices).toMatchObject([
        { kind: { case: "sessionReplaced", value: { agentId: "echo", sessionId: "s1" } } },
      ]);
      expect(await load()).toMatchObject({ context: { version: 7n } });
      await turn();
      expect((await load())?.context.version).toBe(8n);
    });

    it("replaces a session only when asked to, and changes its etag", async () => {
      const { sessionEtag } = await turn();
      const refused = scene.store.sessions.import(scene.session(), context, false);
      await expect(refused).rejects.toMatchObject({ kind: "already_exists" });
      await scene.store.sessions.import(scene.session(), context, true);
      const stored = await load();
      expect(stored?.context.version).toBe(7n);
      expect(stored?.etag).not.toBe(sessionEtag);
    });

    it("is refused while the session is busy", async () => {
      await scene.acceptIn("s1");
      const refused = scene.store.sessions.import(scene.session(), context, true);
      await expect(refused).rejects.toMatchObject({
        kind: "failed_precondition",
        reason: "SESSION_BUSY",
      });
    });

    it("gives back what was exported", async () => {
      await turn();
      const exported = (await load())?.context;
      if (!exported) throw new Error("nothing was exported");
      await scene.store.sessions.destroy(scene.session());
      await scene.store.sessions.import(scene.session(), exported, false);
      expect((await load())?.context).toEqual(exported);
    });
  });

  describe("destroy", () => {
    it("deletes context, tasks, logs and dead letters", async () => {
      await turn();
      const { ref } = await scene.acceptIn("s1");
      await scene.fail(await scene.claim(ref));
      const destroyed = await scene.store.sessions.destroy(scene.session());
      expect(destroyed).toMatchObject({ existed: true, canceledCount: 0 });
      expect(await load()).toBeUndefined();
      await expect(scene.get(ref)).rejects.toMatchObject({ kind: "not_found" });
      expect(await scene.deadLetters()).toEqual([]);
      const page = { size: 10, token: "" };
      expect((await scene.store.log.list(TENANT, {}, page)).items).toEqual([]);
      expect((await scene.store.sessions.list(TENANT, {}, page)).items).toEqual([]);
    });

    it("cancels what has not ended, tells the watchers first, then the workers", async () => {
      const [first, second, third] = await scene.lane();
      await scene.claim(first);
      const { canceledCount, effects } = await scene.store.sessions.destroy(scene.session());
      expect(canceledCount).toBe(3);
      scene.expectRung(effects);
      const told = effects.notices.filter(({ kind }) => kind.case === "entries");
      expect(new Set(told.map(({ taskId }) => taskId))).toEqual(
        new Set([first.taskId, second.taskId, third.taskId]),
      );
      for (const { event } of announced(effects)) {
        expect(event?.kind.value).toMatchObject({ state: TaskState.CANCELED });
      }
      expect(effects.notices.at(-1)?.kind.case).toBe("sessionReplaced");
      expect(await scene.ready()).toEqual([]);
      expect(await scene.store.sessions.lane(scene.session())).toEqual([]);
    });

    it("takes the lease from a running attempt", async () => {
      const claim = await scene.claim((await scene.acceptIn("s1")).ref);
      await scene.store.sessions.destroy(scene.session());
      const lost = { kind: "lease_lost" };
      await expect(scene.complete(claim, executionContext())).rejects.toMatchObject(lost);
      const append = scene.store.tasks.append(claim.lease, 2, []);
      await expect(append).rejects.toMatchObject(lost);
      const [status] = await scene.store.tasks.renew([claim.lease], scene.leaseMs);
      expect(status).toEqual({ valid: false });
      await scene.outliveLeases();
      expect(await scene.store.tasks.expired(10)).toEqual([]);
      expect(await load()).toBeUndefined();
    });

    it("is over when it answers, however many tasks there were", async () => {
      const claim = await scene.claim((await scene.acceptIn("s1")).ref);
      const accepted = await Promise.all(Array.from({ length: 150 }, () => scene.acceptIn("s1")));
      const refs = accepted.map(({ ref }) => ref);
      await Promise.all(refs.slice(0, 120).map((ref) => scene.cancel(ref)));
      const destroyed = await scene.store.sessions.destroy(scene.session());
      expect(destroyed).toMatchObject({ existed: true, canceledCount: 31 });
      expect(destroyed.effects.notices.at(-1)?.kind.case).toBe("sessionReplaced");
      const page = { size: 200, token: "" };
      expect((await scene.store.log.list(TENANT, {}, page)).items).toEqual([]);
      expect(await scene.store.sessions.lane(scene.session())).toEqual([]);
      expect(await scene.ready()).toEqual([]);
      for (const ref of refs.slice(119, 122)) {
        expect(await scene.tryClaim(ref)).toBeUndefined();
        await expect(scene.store.log.read(ref, 0, 10)).rejects.toMatchObject({ kind: "not_found" });
      }
      const commit = scene.complete(claim, executionContext());
      await expect(commit).rejects.toMatchObject({ kind: "lease_lost" });
      expect((await scene.sweep()).effects.doorbells).toEqual([]);
    });

    it("forgets idempotency keys", async () => {
      const overrides = { task: { sessionId: "s1", idempotencyKey: "k1" }, requestDigest: "d1" };
      await scene.accept(overrides);
      await scene.store.sessions.destroy(scene.session());
      expect((await scene.accept(overrides)).existing).toBe(false);
    });

    it("lets the session begin again at version 1, with another etag", async () => {
      const { sessionEtag } = await turn();
      await scene.store.sessions.destroy(scene.session());
      const claim = await scene.claim((await scene.acceptIn("s1")).ref);
      expect(claim.sessionEtag).toBe("");
      const again = await scene.commit(claim);
      expect(again.sessionEtag).not.toBe(sessionEtag);
      expect((await load())?.context.version).toBe(1n);
    });

    it("is idempotent", async () => {
      await turn();
      await scene.store.sessions.destroy(scene.session());
      expect(await scene.store.sessions.destroy(scene.session())).toMatchObject({
        existed: false,
        canceledCount: 0,
      });
    });

    it("leaves other sessions, agents and tenants alone", async () => {
      await turn("s2");
      const { ref } = await scene.acceptIn("s1", { tenant: "other" });
      const { ref: agent } = await scene.acceptIn("s1", { task: { agentId: "other" } });
      await scene.store.sessions.destroy(scene.session());
      expect(await scene.store.sessions.load(scene.session("s2"))).toBeDefined();
      expect(await scene.state(ref)).toBe(TaskState.QUEUED);
      expect(await scene.state(agent)).toBe(TaskState.QUEUED);
    });

    it("leaves the figures right", async () => {
      const { ref } = await scene.acceptIn("s1", { task: { queue: "q" } });
      await scene.claim(ref);
      await scene.acceptIn("s1", { task: { queue: "q" } });
      await scene.store.sessions.destroy(scene.session());
      expect(await scene.store.log.figures("q")).toMatchObject({
        readyCount: 0,
        waitingCount: 0,
        runningCount: 0,
        completedCount: 2,
        attemptCount: 1,
      });
    });
  });

  describe("workers", () => {
    const report = (overrides: Partial<Parameters<typeof scene.store.workers.report>[0]> = {}) => {
      return scene.store.workers.report({
        worker: worker(),
        ttlMs: scene.ms(20),
        changed: [],
        removed: [],
        ...overrides,
      });
    };
    const instances = (filter = {}, page = { size: 10, token: "" }) => {
      return scene.store.workers.instances(TENANT, filter, page);
    };

    it("are listed by id while they report", async () => {
      await report({ worker: worker({ workerId: "b", slots: 4 }) });
      await report({ worker: worker({ workerId: "a" }) });
      expect(await scene.store.workers.list()).toMatchObject([
        { workerId: "a" },
        { workerId: "b", slots: 4, lastSeenAt: expect.anything() },
      ]);
    });

    it("vanish with their instances when they do not report", async () => {
      await report({ changed: [{ tenant: TENANT, instance: instance() }] });
      await scene.pass(21);
      expect(await scene.store.workers.list()).toEqual([]);
      expect((await instances()).totalCount).toBe(0);
    });

    it("learn whether the store knows them", async () => {
      expect(await report()).toEqual({ known: false });
      expect(await report()).toEqual({ known: true });
      await scene.pass(21);
      expect(await report()).toEqual({ known: false });
    });

    it("can be removed", async () => {
      await report({ changed: [{ tenant: TENANT, instance: instance() }] });
      await scene.store.workers.remove("worker-1");
      await scene.store.workers.remove("worker-1");
      expect(await scene.store.workers.list()).toEqual([]);
      expect((await instances()).items).toEqual([]);
    });

    it("report what changed and what is gone", async () => {
      const [one, two] = [instance(), instance({ sessionId: "s2" })];
      await report({
        changed: [one, two].map((changed) => ({ tenant: TENANT, instance: changed })),
      });
      await report({
        changed: [{ tenant: TENANT, instance: instance({ turnCount: 5 }) }],
        removed: [{ tenant: TENANT, sessionKey: two.sessionKey }],
      });
      expect((await instances()).items).toMatchObject([
        { sessionKey: one.sessionKey, turnCount: 5 },
      ]);
    });

    it("have their instances listed by session key, filtered and in pages", async () => {
      const of = (workerId: string, sessionId: string, agentId = "echo") => {
        return { tenant: TENANT, instance: instance({ workerId, sessionId, agentId }) };
      };
      await report({ changed: [of("worker-1", "c"), of("worker-1", "a", "other")] });
      await report({ worker: worker({ workerId: "worker-2" }), changed: [of("worker-2", "b")] });
      const first = await instances({}, { size: 2, token: "" });
      expect(first.totalCount).toBe(3);
      expect(first.items.map(({ sessionKey }) => sessionKey)).toEqual(["echo#b", "echo#c"]);
      const rest = await instances({}, { size: 2, token: first.nextToken });
      expect(rest.items.map(({ sessionKey }) => sessionKey)).toEqual(["other#a"]);
      expect(rest.nextToken).toBe("");
      expect((await instances({ agentId: "other" })).totalCount).toBe(1);
      expect((await instances({ workerId: "worker-2" })).totalCount).toBe(1);
      expect((await instances({ sessionKey: "echo#c" })).items).toMatchObject([{ sessionId: "c" }]);
    });

    it("show a tenant its own instances only", async () => {
      await report({ changed: [{ tenant: "other", instance: instance() }] });
      expect((await instances()).totalCount).toBe(0);
    });
  });

  describe("commit and promotion", () => {
    it("are one step: the next task sees the committed session", async () => {
      const [first, second] = await scene.lane();
      const { sessionEtag } = await scene.commit(await scene.claim(first));
      expect((await scene.claim(second)).sessionEtag).toBe(sessionEtag);
    });

    it("happen with a cancel that keeps the output, too", async () => {
      const claim = await scene.claim((await scene.acceptIn("s1")).ref);
      await scene.cancel(claim.lease, CancelMode.KEEP);
      await scene.finish(claim, canceled(), { session: executionContext() });
      expect((await load())?.context.version).toBe(1n);
    });

    it("do not happen with a cancel that discards it: a rollback may overtake the finish", async () => {
      const claim = await scene.claim((await scene.acceptIn("s1")).ref);
      await scene.cancel(claim.lease, CancelMode.KEEP);
      await scene.acceptIn("s1", { strategy: MultitaskStrategy.ROLLBACK });
      const { task, sessionEtag } = await scene.finish(claim, canceled(), {
        session: executionContext(),
      });
      expect([task.state, sessionEtag]).toEqual([TaskState.CANCELED, claim.sessionEtag]);
      expect(await load()).toBeUndefined();
    });
  });
}
