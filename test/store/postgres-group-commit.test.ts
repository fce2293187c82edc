/** What operations that go to PostgreSQL together have in common, and what each keeps for itself. */
import { randomBytes } from "node:crypto";
import { Client } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { MultitaskStrategy, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { AgentlaneError } from "../../src/errors.ts";
import type { Store, TaskRef } from "../../src/store/contract.ts";
import type { Argument } from "../../src/store/postgres/connection.ts";
import { unavailable } from "../../src/store/postgres/errors.ts";
import { createGroupCommit, transposed } from "../../src/store/postgres/group-commit.ts";
import { createPostgresStore } from "../../src/store/postgres/store.ts";
import { fakeClock } from "../fakes/fake-clock.ts";
import {
  messageEvents,
  newTaskId,
  type SubmissionOverrides,
  submission,
  TENANT,
  taskResult,
} from "../harness/builders.ts";
import {
  hasPostgres,
  type PostgresServer,
  sql,
  startPostgres,
} from "../harness/postgres-server.ts";

/** For an index of the server, which fails at it. */
const TOO_LONG = randomBytes(8000).toString("hex");

const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("a group", () => {
  function groups() {
    const clock = fakeClock();
    const sent: {
      args: unknown[];
      answer: (answers: unknown[]) => void;
      fail: (e: Error) => void;
    }[] = [];
    const alone: unknown[] = [];
    const send = createGroupCommit({
      clock,
      timeoutMs: 1000,
      together(operations, { maxTries }) {
        expect(maxTries).toBe(1);
        const { promise, resolve, reject } = Promise.withResolvers<unknown[]>();
        const args = operations.map(([first]) => first);
        sent.push({ args, answer: resolve, fail: reject });
        return promise;
      },
      async alone([arg]) {
        alone.push(arg);
        if (arg === "bad") throw new AgentlaneError("internal", "BAD", "bad");
        return `alone ${String(arg)}`;
      },
      isLater: (answer) => answer === "LATER",
    });
    return { clock, sent, alone, send };
  }

  it("is what arrived while another was under way, and one alone does not wait", async () => {
    const { sent, send } = groups();
    const first = send(["a"]);
    await soon();
    const others = [send(["b"]), send(["c"])];
    await soon();
    expect(sent.map(({ args }) => args)).toEqual([["a"]]);
    sent[0]?.answer(["A"]);
    expect(await first).toBe("A");
    await soon();
    expect(sent.map(({ args }) => args)).toEqual([["a"], ["b", "c"]]);
    sent[1]?.answer(["B", "C"]);
    expect(await Promise.all(others)).toEqual(["B", "C"]);
  });

  it("is bounded, in number and in bytes", async () => {
    const { sent, send } = groups();
    const all = Array.from({ length: 40 }, (_, index) => send([`${index}`]));
    await soon();
    expect(sent[0]?.args).toHaveLength(32);
    sent[0]?.answer(Array(32).fill("A"));
    await soon();
    sent[1]?.answer(Array(8).fill("A"));
    await Promise.all(all);
    const large = "x".repeat(200_000);
    void send([large]);
    void send([large]);
    void send([large]);
    await soon();
    expect(sent[2]?.args).toHaveLength(2);
  });

  it("leaves behind who would have to wait for others", async () => {
    const { sent, alone, send } = groups();
    const both = [send(["free"]), send(["locked"])];
    await soon();
    sent[0]?.answer(["done", "LATER"]);
    expect(await Promise.all(both)).toEqual(["done", "alone locked"]);
    expect(alone).toEqual(["locked"]);
  });

  it("fails for the one that is to blame, and for all when the connection is lost", async () => {
    const { sent, send } = groups();
    const mixed = Promise.allSettled([send(["good"]), send(["bad"])]);
    await soon();
    sent[0]?.fail(new AgentlaneError("internal", "POSTGRES_STATEMENT", "it failed"));
    expect(await mixed).toMatchObject([
      { status: "fulfilled", value: "alone good" },
      { status: "rejected", reason: { reason: "BAD" } },
    ]);
    const lost = Promise.allSettled([send(["a"]), send(["b"])]);
    await soon();
    sent[1]?.fail(unavailable("lost"));
    expect((await lost).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });

  it("refuses who has waited too long, and what would pile up", async () => {
    const { clock, sent, send } = groups();
    const first = send(["a"]);
    await soon();
    const late = send(["late"]);
    await clock.advance(700);
    const fresh = send(["fresh"]);
    sent[0]?.answer(["A"]);
    await first;
    await expect(late).rejects.toMatchObject({ kind: "unavailable" });
    await soon();
    expect(sent[1]?.args).toEqual(["fresh"]);
    for (let count = 0; count < 2000; count++) void send(["more"]).catch(() => undefined);
    await expect(send(["one too many"])).rejects.toMatchObject({ kind: "unavailable" });
    sent[1]?.answer(["F"]);
    await fresh;
  });

  it("has its arguments by column, and lists one after the other", () => {
    const operations: Argument[][] = [
      ["a", 1, null, [Buffer.from("x"), Buffer.from("y")]],
      ["b", 2, true, []],
    ];
    expect(transposed(operations)).toEqual([
      ["a", "b"],
      [1, 2],
      [null, true],
      [Buffer.from("x"), Buffer.from("y")],
      [2, 0],
    ]);
  });
});

describe.runIf(hasPostgres)("operations on PostgreSQL at the same time", () => {
  let server: PostgresServer;
  let url = "";
  let store: Store;
  beforeAll(async () => {
    server = await startPostgres({
      settings: { shared_preload_libraries: "pg_stat_statements" },
    });
  });
  beforeEach(async () => {
    url = await server.createDatabase();
    await sql(url, "CREATE EXTENSION pg_stat_statements");
    const now = { clock: systemClock, random: systemRandom };
    store = createPostgresStore({ url, ...now, onWarning: () => undefined });
    await store.start();
  });
  afterEach(() => store.stop());
  afterAll(() => server.stop());

  async function accept(overrides: SubmissionOverrides = {}): Promise<TaskRef> {
    const { task } = await store.tasks.create(submission(overrides));
    return { tenant: TENANT, taskId: task.taskId };
  }

  const claimOf = (ref: TaskRef) => {
    return { ref, workerId: "w1", claimId: newTaskId(), leaseMs: 60_000, spanId: "" };
  };

  async function claim(ref: TaskRef) {
    const { claim: claimed } = await store.tasks.claim(claimOf(ref));
    if (!claimed) throw new Error("not claimed");
    return claimed;
  }

  const done = { state: TaskState.COMPLETED, result: taskResult() } as const;
  const finish = { afterSequence: 2, events: [], ending: done };

  async function callsOf(name: string): Promise<number> {
    const [row] = await sql(
      url,
      "SELECT coalesce(sum(calls), 0)::integer AS calls FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = current_database() AND query LIKE $1",
      [`SELECT%.${name}(%`],
    );
    return Number(row?.calls);
  }

  it("share statements", async () => {
    const refs = await Promise.all(Array.from({ length: 64 }, () => accept()));
    const claims = await Promise.all(refs.map(claim));
    await Promise.all(claims.map(({ lease }) => store.tasks.append(lease, 2, messageEvents("a"))));
    const last = { ...finish, afterSequence: 3 };
    await Promise.all(claims.map(({ lease }) => store.tasks.finish(lease, last)));
    for (const name of ["create_tasks", "claim_tasks", "append_logs", "finish_tasks"]) {
      expect([name, await callsOf(name)]).toEqual([name, 2]);
    }
    expect((await store.log.figures(submission().record.task?.queue ?? "")).completedCount).toBe(
      64,
    );
  });

  it("keep their own refusals", async () => {
    await accept({ task: { sessionId: "busy" } });
    const key = { task: { idempotencyKey: "k1" }, requestDigest: "d1" };
    const outcomes = await Promise.allSettled([
      accept(),
      accept(key),
      accept(key),
      accept({ ...key, requestDigest: "d2" }),
      accept({ task: { sessionId: "busy" }, strategy: MultitaskStrategy.REJECT }),
      accept({ task: { sessionId: TOO_LONG } }),
      accept({ maxQueueSize: 1 }),
      accept({ task: { sessionId: "free" } }),
    ]);
    const shown = outcomes.map((each) =>
      each.status === "fulfilled" ? "accepted" : each.reason.reason,
    );
    expect(shown).toEqual([
      ...["accepted", "accepted", "accepted", "IDEMPOTENCY_CONFLICT", "SESSION_BUSY"],
      ...["POSTGRES_STATEMENT", "QUEUE_FULL", "accepted"],
    ]);
    expect(outcomes[1]).toEqual(outcomes[2]);
  });

  it("keep their own fences", async () => {
    const refs = await Promise.all([accept(), accept(), accept()]);
    const [one, two, three] = await Promise.all(refs.map(claim));
    if (!one || !two || !three) throw new Error("not claimed");
    const stale = { ...two.lease, fence: two.lease.fence - 1n };
    const outcomes = await Promise.allSettled([
      store.tasks.finish(one.lease, finish),
      store.tasks.finish(stale, finish),
      store.tasks.finish(three.lease, { ...finish, afterSequence: 9 }),
    ]);
    expect(outcomes).toMatchObject([
      { status: "fulfilled" },
      { status: "rejected", reason: { kind: "lease_lost" } },
      { status: "rejected", reason: { kind: "internal" } },
    ]);
    await Promise.all([two, three].map(({ lease }) => store.tasks.finish(lease, finish)));
    const again = await Promise.all(refs.map((ref) => store.tasks.claim(claimOf(ref))));
    expect(again.map(({ claim: claimed }) => claimed)).toEqual([undefined, undefined, undefined]);
  });

  it("do not wait for a session that somebody else holds", async () => {
    await accept({ task: { sessionId: "held" } });
    const holder = new Client({ connectionString: url });
    await holder.connect();
    await holder.query("BEGIN; SELECT FROM agentlane.lanes FOR UPDATE");
    const held = accept({ task: { sessionId: "held" } });
    await Promise.all([accept(), accept({ task: { sessionId: "other" } })]);
    expect(
      await store.sessions.lane({ tenant: TENANT, agentId: "echo", sessionId: "held" }),
    ).toHaveLength(1);
    await holder.query("COMMIT");
    await holder.end();
    await held;
    expect(
      await store.sessions.lane({ tenant: TENANT, agentId: "echo", sessionId: "held" }),
    ).toHaveLength(2);
  });
});
