import { create } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { ProgressSchema, type TaskEvent } from "../../gen/agentlane/v1/task_pb.js";
import type { Lease } from "../../src/store/contract.ts";
import { createMemoryStore } from "../../src/store/memory/store.ts";
import { createEventLog, type LogLimits } from "../../src/worker/event-log.ts";
import { fakeClock } from "../fakes/fake-clock.ts";
import { submission, TENANT } from "../harness/builders.ts";

async function open(limits: Partial<LogLimits>) {
  const clock = fakeClock();
  const { tasks, log } = createMemoryStore({ clock });
  const { task } = await tasks.create(submission());
  const ref = { tenant: TENANT, taskId: task.taskId };
  const request = { ref, workerId: "w1", claimId: "c1", leaseMs: 15_000, spanId: "" };
  const { claim } = await tasks.claim(request);
  if (!claim?.record.task) throw new Error("the task cannot be claimed");
  const lease: Lease = claim.lease;
  const failures: unknown[] = [];
  const appended: number[] = [];
  const eventLog = createEventLog(
    {
      tasks: {
        ...tasks,
        append(held, afterSequence, events) {
          appended.push(events.length);
          return tasks.append(held, afterSequence, events);
        },
      },
      dispatcher: { dispatch: () => Promise.resolve() },
      clock,
      lease,
      limits: { maxEvents: 1000, maxBytes: 1_000_000, ...limits },
      persist: (write) => write(),
      onFailure: (error) => failures.push(error),
    },
    claim.record.task.lastSequence,
  );
  const storedCount = async (): Promise<number> => {
    return (await log.read(ref, claim.record.task?.lastSequence ?? 0, 10_000)).entries.length;
  };
  return { clock, eventLog, failures, storedCount, appended };
}

function progress(text: string): TaskEvent["kind"] {
  const data = create(ValueSchema, { kind: { case: "stringValue", value: text } });
  return { case: "progress", value: create(ProgressSchema, { node: "n", data }) };
}

const HALF = "x".repeat(200_000);

describe("what goes into one append", () => {
  it("is bounded in bytes, and a producer waits while as much is pending", async () => {
    const { clock, eventLog, appended } = await open({ maxBytes: 100_000_000 });
    const first = eventLog.push(progress(HALF));
    const second = eventLog.push(progress(HALF));
    const third = eventLog.push(progress(HALF));
    expect([first, second]).toEqual([undefined, undefined]);
    expect(third).toBeInstanceOf(Promise);
    await clock.advance(0);
    await third;
    await clock.advance(0);
    expect(appended).toEqual([2, 1]);
  });

  it("is one event that is larger", async () => {
    const { clock, eventLog, appended } = await open({ maxBytes: 100_000_000 });
    void eventLog.push(progress("a"));
    void eventLog.push(progress(HALF.repeat(10)));
    void eventLog.push(progress("b"));
    for (let index = 0; index < 3; index++) await clock.advance(0);
    expect(appended).toEqual([1, 1, 1]);
  });

  it("is what the ending takes along at most, after all before it", async () => {
    const { eventLog, appended, storedCount } = await open({ maxBytes: 100_000_000 });
    for (let index = 0; index < 7; index++) void eventLog.push(progress(`${index}${HALF}`));
    const { afterSequence, events } = await eventLog.close();
    expect(appended).toEqual([2, 2, 2]);
    expect(events.map(({ kind }) => kind)).toEqual([progress(`6${HALF}`)]);
    expect(afterSequence).toBe(8);
    expect(await storedCount()).toBe(6);
  });
});

const TOO_LARGE = { kind: "resource_exhausted", reason: "OUTPUT_TOO_LARGE", retryable: false };

describe("an attempt's share of the log", () => {
  it("takes as many events as it may and fails with the next one", async () => {
    const { clock, eventLog, failures, storedCount } = await open({ maxEvents: 3 });
    for (let i = 0; i < 3; i++) await eventLog.push(progress("x"));
    await clock.advance(0);
    expect(failures).toEqual([]);
    await eventLog.push(progress("x"));
    expect(failures).toMatchObject([
      { ...TOO_LARGE, message: expect.stringContaining("3 events") },
    ]);
    expect(await eventLog.close()).toMatchObject({ events: [] });
    expect(await storedCount()).toBe(3);
  });

  it("takes as many bytes as it may and fails with the next one", async () => {
    const { eventLog, failures } = await open({ maxBytes: 25_000 });
    for (let i = 0; i < 9; i++) await eventLog.push(progress("x".repeat(1000)));
    expect(failures).toEqual([]);
    await eventLog.push(progress("x".repeat(1000)));
    expect(failures).toMatchObject([
      { ...TOO_LARGE, message: expect.stringContaining("25000 bytes") },
    ]);
  });

  it("fails once, and hands over for the ending what fitted", async () => {
    const { eventLog, failures } = await open({ maxEvents: 2 });
    for (let i = 0; i < 5; i++) await eventLog.push(progress(`${i}`));
    expect(failures).toHaveLength(1);
    const { events } = await eventLog.close();
    expect(events.map(({ kind }) => kind)).toEqual([progress("0"), progress("1")]);
  });
});
