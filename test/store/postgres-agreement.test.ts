/** Whether tables, counts and indexed columns agree, whatever is done at the same time. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CancelMode } from "../../gen/agentlane/store/v1/record_pb.js";
import { MultitaskStrategy, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { AgentlaneError } from "../../src/errors.ts";
import type { Claim, Ending, Store } from "../../src/store/contract.ts";
import { createPostgresStore } from "../../src/store/postgres/store.ts";
import { seededRandom } from "../faults/random.ts";
import {
  AGENT,
  messageEvents,
  newTaskId,
  QUEUE,
  submission,
  TENANT,
  taskError,
  taskResult,
} from "../harness/builders.ts";
import {
  hasPostgres,
  type PostgresServer,
  sql,
  startPostgres,
} from "../harness/postgres-server.ts";

/** Each must be 0. */
const DISAGREEMENTS = `SELECT
  (SELECT sum(queued) FROM agentlane.counts) - (SELECT count(*) FROM agentlane.tasks WHERE state = 1) AS queued,
  (SELECT sum(running) FROM agentlane.counts) - (SELECT count(*) FROM agentlane.tasks WHERE state = 2) AS running,
  (SELECT sum(retry_wait) FROM agentlane.counts) - (SELECT count(*) FROM agentlane.tasks WHERE state = 3) AS retry_wait,
  (SELECT sum(ready) FROM agentlane.counts) - (SELECT count(*) FROM agentlane.tasks WHERE ready) AS ready,
  (SELECT sum(dead) FROM agentlane.counts) - (SELECT count(*) FROM agentlane.tasks WHERE state = 6) AS dead,
  (SELECT count(*) FROM (SELECT lane FROM agentlane.tasks WHERE lane IS NOT NULL AND (ready OR state = 2)
    GROUP BY lane HAVING count(*) > 1) x) AS lanes_with_two_heads,
  (SELECT count(*) FROM (SELECT DISTINCT ON (lane) ready, state FROM agentlane.tasks
    WHERE lane IS NOT NULL AND lane_order IS NOT NULL ORDER BY lane, lane_order) h
    WHERE state = 1 AND NOT ready) AS heads_not_ready,
  (SELECT count(*) FROM agentlane.doorbells d
    WHERE NOT EXISTS (SELECT FROM agentlane.tasks t WHERE t.id = d.task AND ready)) AS stray_doorbells,
  (SELECT count(*) FROM agentlane.lanes l WHERE NOT EXISTS (SELECT FROM agentlane.submissions s WHERE s.lane = l.id)
    AND NOT EXISTS (SELECT FROM agentlane.contexts c WHERE c.lane = l.id)) AS stray_lanes,
  (SELECT count(*) FROM agentlane.events e WHERE NOT EXISTS (SELECT FROM agentlane.tasks t WHERE t.id = e.task)) AS stray_events,
  (SELECT count(*) FROM agentlane.keys k WHERE NOT EXISTS (SELECT FROM agentlane.tasks t WHERE t.id = k.task)) AS stray_keys,
  (SELECT count(*) FROM agentlane.tasks t WHERE retention = 5
    AND NOT EXISTS (SELECT FROM agentlane.keys k WHERE k.task = t.id)) AS stray_retired,
  (SELECT count(*) FROM agentlane.tasks t WHERE last_sequence - first_sequence + 1
    <> (SELECT count(*) FROM agentlane.events e WHERE e.task = t.id)) AS sparse_logs`;

const ACTION_COUNT = 1500;
const ACTOR_COUNT = 12;

describe.runIf(hasPostgres)("the PostgreSQL store under many hands", () => {
  let server: PostgresServer;
  let url = "";
  const stores: Store[] = [];
  beforeAll(async () => {
    server = await startPostgres();
    url = await server.createDatabase();
    for (let index = 0; index < 2; index++) {
      const store = createPostgresStore({
        url,
        clock: systemClock,
        random: systemRandom,
        onWarning: () => undefined,
        statementTimeoutMs: 15_000,
      });
      await store.start();
      stores.push(store);
    }
  });
  afterAll(async () => {
    for (const store of stores) await store.stop();
    await server.stop();
  });

  it("stays in agreement with itself, and nobody waits in a circle", async () => {
    const seed = Number(process.env.AGENTLANE_SEED ?? Date.now() & 0x7fff_ffff);
    const chance = seededRandom(seed, "actions");
    const pick = (count: number): number => Math.floor(chance() * count);
    const claims: Claim[] = [];
    const dead: string[] = [];
    const takeClaim = (): Claim | undefined => claims.splice(pick(claims.length), 1)[0];
    const { ENQUEUE, REJECT, INTERRUPT, ROLLBACK } = MultitaskStrategy;
    const strategies = [ENQUEUE, ENQUEUE, REJECT, INTERRUPT, ROLLBACK];
    const endings: readonly Ending[] = [
      { state: TaskState.COMPLETED, result: taskResult() },
      { state: TaskState.FAILED, error: taskError() },
      { state: TaskState.RETRY_WAIT, error: taskError(), delayMs: 30 },
      { state: TaskState.QUEUED, error: taskError() },
    ];
    const actions: readonly ((store: Store) => Promise<unknown>)[] = [
      ({ tasks }) =>
        tasks.create(
          submission({
            task: {
              sessionId: `s${pick(6)}`,
              idempotencyKey: pick(2) === 0 ? "" : `k${pick(40)}`,
            },
            strategy: strategies[pick(strategies.length)] ?? ENQUEUE,
            idempotencyMs: 200,
            maxQueueSize: pick(4) === 0 ? 300 : 10_000,
            ...(pick(4) === 0 && { deadlineInMs: 100 }),
          }),
        ),
      ({ tasks }) => tasks.create(submission()),
      async ({ tasks }) => {
        const ready = await tasks.ready(QUEUE, "", 20);
        const ref = ready[pick(ready.length)];
        if (!ref) return;
        await tasks.markPublished(ready);
        const request = { workerId: "w1", claimId: newTaskId(), leaseMs: 200, spanId: "" };
        const { claim } = await tasks.claim({ ref, ...request });
        if (claim) claims.push(claim);
      },
      async ({ tasks }) => {
        const claim = takeClaim();
        const ending = endings[pick(endings.length)];
        if (!claim || !ending) return;
        const after = claim.record.task?.lastSequence ?? 0;
        await tasks.append(claim.lease, after, messageEvents("a"));
        await tasks.finish(claim.lease, { afterSequence: after + 1, events: [], ending });
        if (ending.state === TaskState.FAILED) dead.push(claim.lease.taskId);
      },
      ({ tasks }) => {
        const leases = claims.map(({ lease }) => lease);
        return tasks.renew(pick(2) === 0 ? leases : leases.toReversed(), 200);
      },
      ({ tasks }) =>
        tasks.sweep({
          limit: 100,
          unpublishedAfterMs: 30,
          logRetentionMs: 50,
          taskRetentionMs: 150,
          deadLetterRetentionMs: 500,
          sessionRetentionMs: 100,
        }),
      async ({ tasks }) => {
        for (const { lease } of await tasks.expired(20)) {
          const ending = { state: TaskState.RETRY_WAIT, error: taskError(), delayMs: 10 } as const;
          const finish = { afterSequence: 0, events: [], ifExpired: true };
          await tasks.finish(lease, { ...finish, ending: { ...ending, leaseExpired: true } });
        }
      },
      ({ deadLetters }) => deadLetters.redrive(TENANT, dead.splice(0, 10).toReversed()),
      async ({ deadLetters }) => void (pick(10) === 0 && (await deadLetters.purge(TENANT, {}))),
      async ({ sessions }) => {
        const ref = { tenant: TENANT, agentId: AGENT, sessionId: `s${pick(6)}` };
        if (pick(10) === 0) await sessions.destroy(ref);
      },
      ({ tasks }) =>
        tasks.requestCancel({
          tenant: TENANT,
          target: { idempotencyKey: `k${pick(40)}` },
          mode: CancelMode.DISCARD,
          reason: "",
        }),
    ];
    const surprises = new Set<string>();
    let left = ACTION_COUNT;
    const act = async (): Promise<void> => {
      while (left-- > 0) {
        const store = stores[pick(stores.length)];
        try {
          if (store) await actions[pick(actions.length)]?.(store);
        } catch (error) {
          const reason = error instanceof AgentlaneError ? error.reason : String(error);
          if (!EXPECTED.has(reason)) surprises.add(reason);
        }
      }
    };
    await Promise.all(Array.from({ length: ACTOR_COUNT }, act));
    expect([...surprises], `AGENTLANE_SEED=${seed}`).toEqual([]);
    const [found] = await sql(url, DISAGREEMENTS);
    const wrong = Object.entries(found ?? {}).filter(([, count]) => Number(count) !== 0);
    expect(wrong, `AGENTLANE_SEED=${seed}`).toEqual([]);
    const [row] = await sql(
      url,
      "SELECT deadlocks::integer FROM pg_stat_database WHERE datname = current_database()",
    );
    expect(row?.deadlocks).toBe(0);
  }, 120_000);
});

/** What others have been faster with. */
const EXPECTED: ReadonlySet<string> = new Set([
  "LEASE_LOST",
  "SESSION_BUSY",
  "QUEUE_FULL",
  "TASK_NOT_FOUND",
  "SEQUENCE_MISMATCH",
]);
