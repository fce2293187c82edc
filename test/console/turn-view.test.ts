import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { Role } from "../../gen/agentlane/v1/content_pb.js";
import { TaskEventSchema, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { EMPTY_LOG, MAX_ROWS, withEntries } from "../../src/console/model/event-rows.ts";
import { EMPTY_TURN, type LogEntry, withEntry } from "../../src/console/model/turn-view.ts";

type Kind = NonNullable<MessageInitShape<typeof TaskEventSchema>["kind"]>;

/** A log of these, dense from 1. */
function logOf(...kinds: (Kind & { attempt?: number })[]): LogEntry[] {
  return kinds.map((kind, index) => ({
    taskId: "t1",
    sequence: index + 1,
    attempt: kind.attempt ?? 1,
    event: create(TaskEventSchema, { kind }),
  }));
}

const state = (to: TaskState, attempt = 1): Kind & { attempt: number } => ({
  case: "stateChange",
  value: { state: to },
  attempt,
});
const chunk = (content: string, id = "m1"): Kind => ({
  case: "chunk",
  value: { id, choices: [{ delta: { content } }] },
});
const answer = (text: string, id = "m1"): Kind => ({
  case: "message",
  value: { id, role: Role.ASSISTANT, content: [{ part: { case: "text", value: text } }] },
});

test("pieces add up to the message that follows them", () => {
  const view = logOf(state(TaskState.RUNNING), chunk("Hel"), chunk("lo"), answer("Hello")).reduce(
    withEntry,
    EMPTY_TURN,
  );
  expect(view).toMatchObject({ taskId: "t1", lastSequence: 4, attempt: 1 });
  expect(view.blocks).toEqual([{ kind: "text", id: "m1", text: "Hello" }]);
});

test("a new attempt voids what the one before it said", () => {
  const view = logOf(
    state(TaskState.RUNNING),
    chunk("half an ans"),
    state(TaskState.RETRY_WAIT),
    state(TaskState.RUNNING, 2),
    { ...chunk("whole", "m2"), attempt: 2 },
  ).reduce(withEntry, EMPTY_TURN);
  expect(view.attempt).toBe(2);
  expect(view.blocks).toEqual([{ kind: "text", id: "m2", text: "whole" }]);
});

test("a tool call is one block from its beginning to its answer", () => {
  const call = { id: "c1", name: "sum", arguments: { a: 1 } };
  const view = logOf(
    { case: "toolCallStarted", value: { call } },
    {
      case: "toolCallFinished",
      value: {
        name: "sum",
        result: { toolCallId: "c1", text: "3" },
        duration: { seconds: 0n, nanos: 5_000_000 },
      },
    },
    {
      case: "message",
      value: {
        role: Role.TOOL,
        content: [{ part: { case: "toolResult", value: { toolCallId: "c1", text: "3" } } }],
      },
    },
  ).reduce(withEntry, EMPTY_TURN);
  expect(view.blocks).toEqual([
    {
      kind: "tool",
      id: "c1",
      name: "sum",
      args: '{"a":1}',
      result: "3",
      isError: false,
      tookMs: 5,
    },
  ]);
});

test("an answer that was not streamed comes with the result, and so do questions", () => {
  const view = logOf({
    case: "stateChange",
    value: {
      state: TaskState.INPUT_REQUIRED,
      result: {
        messages: [
          { id: "m1", role: Role.ASSISTANT, content: [{ part: { case: "text", value: "hm" } }] },
        ],
        interrupts: [{ id: "i1", value: { kind: { case: "stringValue", value: "May I?" } } }],
      },
    },
  }).reduce(withEntry, EMPTY_TURN);
  expect(view.blocks).toEqual([{ kind: "text", id: "m1", text: "hm" }]);
  expect(view.questions).toEqual([{ id: "i1", value: "May I?" }]);
});

test("what it adds up to can be kept as JSON, and gone on with", () => {
  const log = logOf(state(TaskState.RUNNING), chunk("Hel"), chunk("lo"), chunk("!"));
  const whole = log.reduce(withEntry, EMPTY_TURN);
  const half = log.slice(0, 2).reduce(withEntry, EMPTY_TURN);
  const resumed = log.slice(2).reduce(withEntry, JSON.parse(JSON.stringify(half)));
  expect(resumed).toEqual(whole);
});

test("the log's rows join the pieces of a message, and are bounded", () => {
  const entries = logOf(state(TaskState.RUNNING), chunk("a"), chunk("b"), chunk("c", "m2"));
  const { rows } = withEntries(withEntries(EMPTY_LOG, entries.slice(0, 2)), entries.slice(2));
  expect(rows.map(({ sequence, lastSequence, text }) => [sequence, lastSequence, text])).toEqual([
    [1, 1, "on "],
    [2, 3, "ab"],
    [4, 4, "c"],
  ]);
  const many = logOf(...Array.from({ length: MAX_ROWS + 5 }, () => state(TaskState.QUEUED)));
  const long = withEntries(EMPTY_LOG, many);
  expect([long.rows.length, long.droppedCount, long.rows[0]?.sequence]).toEqual([MAX_ROWS, 5, 6]);
});
