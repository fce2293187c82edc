import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LogEntrySchema } from "../../gen/agentlane/store/v1/record_pb.js";
import { ChatCompletionChunkSchema } from "../../gen/agentlane/v1/chunk_pb.js";
import { type TaskEvent, TaskEventSchema, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import {
  approximateBytes,
  isTerminalEvent,
  mergeDeltas,
  toWatched,
} from "../../src/tasks/log-entries.ts";
import type { WatchedEntry } from "../../src/tasks/task-manager.ts";
import { stateEvent } from "../fakes/fake-task-log.ts";
import { messageEvent } from "../harness/builders.ts";

interface Delta {
  readonly id?: string;
  readonly content?: string;
  readonly role?: string;
  readonly finishReason?: string;
  readonly usage?: object;
  readonly reasoningContent?: string;
  readonly refusal?: string;
  readonly toolCalls?: { readonly index: number; readonly id: string }[];
}

function chunk({ id = "m", finishReason, usage, ...delta }: Delta): TaskEvent {
  const choice = { index: 0, delta, ...(finishReason !== undefined && { finishReason }) };
  const value = create(ChatCompletionChunkSchema, {
    id,
    choices: [choice],
    ...(usage && { usage }),
  });
  return create(TaskEventSchema, { kind: { case: "chunk", value } });
}

function watched(events: readonly TaskEvent[], attempt = 1): WatchedEntry[] {
  return events.map((event, index) =>
    toWatched(create(LogEntrySchema, { attempt, sequence: index + 1, event })),
  );
}

function textOf({ event }: WatchedEntry): string {
  if (event.kind.case !== "chunk") return `<${event.kind.case}>`;
  return event.kind.value.choices[0]?.delta?.content ?? "";
}

describe("merging", () => {
  it("keeps text, order and coverage of any log, and what is not plain text as it is", () => {
    const plain = fc.record({
      id: fc.constantFrom("m", "n"),
      content: fc.string({ minLength: 1 }),
    });
    const event = fc.oneof(
      { weight: 6, arbitrary: plain.map(chunk) },
      { weight: 1, arbitrary: plain.map((delta) => chunk({ ...delta, role: "assistant" })) },
      { weight: 1, arbitrary: plain.map((delta) => chunk({ ...delta, finishReason: "stop" })) },
      { weight: 1, arbitrary: fc.string().map(messageEvent) },
      { weight: 1, arbitrary: fc.constant(stateEvent(TaskState.RUNNING)) },
    );
    const attempts = fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 60 });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), attempts, (events, numbers) => {
        const sorted = [...numbers].sort();
        const entries = watched(events).map((entry, index) => {
          return { ...entry, attempt: sorted[index] ?? 3 };
        });
        const merged = mergeDeltas(entries);
        let covered = 0;
        for (const entry of merged) {
          const folded = entries.slice(covered, entry.sequence);
          expect(entry.sequence - entry.mergedCount).toBe(covered + 1);
          expect(textOf(entry)).toBe(folded.map(textOf).join(""));
          expect(new Set(folded.map(({ attempt }) => attempt))).toEqual(new Set([entry.attempt]));
          if (folded.length === 1) expect(entry).toBe(folded[0]);
          covered = entry.sequence;
        }
        expect(covered).toBe(entries.length);
      }),
    );
  });

  it("folds a run of deltas of one message into one and keeps its role and newest instant", () => {
    const [merged, ...rest] = mergeDeltas(
      watched([chunk({ content: "a", role: "assistant" }), chunk({ content: "b" })]),
    );
    expect(rest).toEqual([]);
    expect(merged).toMatchObject({ sequence: 2, mergedCount: 1, attempt: 1 });
    const kind = merged?.event.kind;
    if (kind?.case !== "chunk") throw new Error("no chunk");
    expect(kind.value.choices[0]?.delta).toMatchObject({ content: "ab", role: "assistant" });
  });

  it.each<[string, Delta]>([
    ["a tool call", { content: "b", toolCalls: [{ index: 0, id: "c" }] }],
    ["a finish reason", { content: "b", finishReason: "stop" }],
    ["usage", { content: "b", usage: { totalTokens: 1 } }],
    ["reasoning", { content: "b", reasoningContent: "hm" }],
    ["a refusal", { content: "b", refusal: "no" }],
    ["a role, which begins a message", { content: "b", role: "assistant" }],
    ["no text", {}],
    ["another message's text", { id: "n", content: "b" }],
  ])("leaves %s alone", (_, second) => {
    const entries = watched([chunk({ content: "a" }), chunk(second)]);
    expect(mergeDeltas(entries)).toEqual(entries);
  });

  it("stops at 64 KiB of text, far from the message limit", () => {
    const entries = watched(
      Array.from({ length: 5 }, () => chunk({ content: "x".repeat(30_000) })),
    );
    expect(mergeDeltas(entries).map((entry) => textOf(entry).length)).toEqual([
      60_000, 60_000, 30_000,
    ]);
  });
});

describe("the terminal event", () => {
  it.each([
    [TaskState.COMPLETED, true],
    [TaskState.INPUT_REQUIRED, true],
    [TaskState.FAILED, true],
    [TaskState.CANCELED, true],
    [TaskState.QUEUED, false],
    [TaskState.RUNNING, false],
    [TaskState.RETRY_WAIT, false],
  ])("is a change to state %i: %s", (state, expected) => {
    expect(isTerminalEvent(stateEvent(state))).toBe(expected);
  });

  it("is no message, whatever it says", () => {
    expect(isTerminalEvent(messageEvent("COMPLETED"))).toBe(false);
  });
});

describe("the size of an event", () => {
  it("grows with its text and is never below its objects", () => {
    expect(approximateBytes(messageEvent(""))).toBeGreaterThanOrEqual(512);
    const grown = approximateBytes(messageEvent("x".repeat(10_000)));
    expect(grown - approximateBytes(messageEvent(""))).toBe(20_000);
  });
});
