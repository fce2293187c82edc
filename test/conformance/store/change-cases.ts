import { describe, expect, it } from "vitest";
import { CancelMode } from "../../../gen/agentlane/store/v1/record_pb.js";
import { MultitaskStrategy, TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import type { Effects } from "../../../src/store/contract.ts";
import { AGENT, QUEUE, TENANT } from "../../harness/builders.ts";
import { completed, retried, type Scene } from "./scene.ts";

const TRACE = { traceparent: `00-${"1".repeat(32)}-${"2".repeat(16)}-01` };

/** What effects say for the record, shortly. */
function noted({ changes = [] }: Effects): string[] {
  return changes.map(
    ({ attempt, previous, state, reason }) =>
      `${attempt} ${TaskState[previous]} ${TaskState[state]}${reason && ` ${reason}`}`,
  );
}

export function changeCases(scene: Scene): void {
  describe("state changes for the record", () => {
    it("name the task, its agent and its trace", async () => {
      const { ref } = await scene.accept({ traceHeaders: TRACE });
      const { effects } = await scene.cancel(ref);
      expect(effects.changes).toEqual([
        {
          ...ref,
          agentId: AGENT,
          attempt: 0,
          previous: TaskState.QUEUED,
          state: TaskState.CANCELED,
          reason: "CANCELED",
          traceHeaders: TRACE,
        },
      ]);
    });

    it("leave out what create, claim and finish are called for", async () => {
      const { ref, effects: accepted } = await scene.accept();
      const { claim, effects: claimed } = await scene.claimAs(ref, "w1", "c1");
      if (!claim) throw new Error("not claimed");
      const { state, effects: ended } = await scene.complete(claim);
      expect([accepted, claimed, ended].flatMap(noted)).toEqual([]);
      expect(state).toBe(TaskState.COMPLETED);
    });

    it("are made once: a repeat makes none", async () => {
      const claim = await scene.run();
      await scene.finish(claim, retried());
      const again = await scene.finish(claim, retried());
      expect(again.state).toBe(TaskState.RETRY_WAIT);
      expect(noted(again.effects)).toEqual([]);
      expect(noted((await scene.cancel(claim.lease)).effects)).toEqual([
        "1 RETRY_WAIT CANCELED CANCELED",
      ]);
      expect(noted((await scene.cancel(claim.lease)).effects)).toEqual([]);
    });

    it("a finish says what the task has become where that is not what was asked for", async () => {
      const claim = await scene.run();
      expect(noted((await scene.cancel(claim.lease)).effects)).toEqual([]);
      const { state, effects } = await scene.finish(claim, retried());
      expect(state).toBe(TaskState.CANCELED);
      expect(noted(effects)).toEqual([]);
      expect((await scene.finish(claim, retried())).state).toBe(TaskState.CANCELED);
    });

    it("come from a passed deadline, at a claim and at a sweep", async () => {
      const [first, second] = [
        await scene.accept({ deadlineInMs: scene.ms(1) }),
        await scene.accept({ deadlineInMs: scene.ms(1) }),
      ];
      await scene.pass(2);
      const { claim, effects } = await scene.claimAs(first.ref, "w1", "c1");
      expect(claim).toBeUndefined();
      expect(noted(effects)).toEqual(["0 QUEUED FAILED DEADLINE_EXCEEDED"]);
      const swept = await scene.sweep();
      expect(noted(swept.effects)).toEqual(["0 QUEUED FAILED DEADLINE_EXCEEDED"]);
      expect(swept.effects.changes?.[0]?.taskId).toBe(second.ref.taskId);
    });

    it("come from a due retry and from a redrive", async () => {
      const claim = await scene.run();
      await scene.retry(claim);
      await scene.pass(1);
      expect(noted((await scene.sweep()).effects)).toEqual(["1 RETRY_WAIT QUEUED"]);
      await scene.fail(await scene.claim(claim.lease));
      const { effects } = await scene.store.deadLetters.redrive(TENANT, [claim.lease.taskId]);
      expect(noted(effects)).toEqual(["2 FAILED QUEUED"]);
    });

    it("come from a newer task that takes the place of those before it", async () => {
      const { ref } = await scene.acceptIn("s1");
      const running = await scene.claim(ref);
      await scene.acceptIn("s1");
      const newest = await scene.acceptIn("s1", { strategy: MultitaskStrategy.INTERRUPT });
      expect(noted(newest.effects)).toEqual(["0 QUEUED CANCELED CANCELED"]);
      const { state } = await scene.finish(running, completed());
      expect(state).toBe(TaskState.COMPLETED);
    });

    it("come from the end of a session, for what ran and what waited", async () => {
      const [first] = await scene.lane();
      await scene.claim(first);
      const { effects } = await scene.store.sessions.destroy(scene.session());
      expect(noted(effects).sort()).toEqual([
        "0 QUEUED CANCELED CANCELED",
        "0 QUEUED CANCELED CANCELED",
        "1 RUNNING CANCELED CANCELED",
      ]);
    });
  });

  describe("doorbells that the store rings itself", () => {
    it("are told of, where they ring", async () => {
      const first = await scene.acceptIn("s1");
      const second = await scene.acceptIn("s1");
      const ended = await scene.complete(await scene.claim(first.ref));
      const rung = scene.ringsItself ? [QUEUE] : [];
      expect(first.effects.rung ?? []).toEqual(rung);
      expect(second.effects.rung ?? []).toEqual([]);
      expect(ended.effects.rung ?? []).toEqual(rung);
      const canceled = await scene.cancel(second.ref, CancelMode.KEEP);
      expect(canceled.effects.rung ?? []).toEqual([]);
    });
  });
}
