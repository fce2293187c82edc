/** The checker of the fault suite sees what it is there for. */
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { MessageSchema, Role } from "../../gen/agentlane/v1/content_pb.js";
import { ExecutionContextSchema } from "../../gen/agentlane/v1/session_pb.js";
import {
  AttemptOutcome,
  AttemptSchema,
  TaskEventSchema,
  TaskResultSchema,
  TaskSchema,
  TaskState,
} from "../../gen/agentlane/v1/task_pb.js";
import { checkRecovery, checkRun } from "./check-run.ts";
import { checkSession } from "./check-sessions.ts";
import { checkTask, type ObservedLog, type ObservedTask } from "./check-tasks.ts";
import type { FaultLog } from "./injector.ts";
import { type Entry, logDigest, newLedger, resultDigest } from "./ledger.ts";
import { checkBlocks } from "./lost-attempts.ts";
import { requestOf } from "./requests.ts";
import { CONSUMERS_RESUME_MS } from "./settings.ts";

const START_MS = 1_000_000;

function message(role: Role, text: string) {
  return create(MessageSchema, { role, content: [{ part: { case: "text", value: text } }] });
}

/** The n-th turn of a session: accepted, run for 10 ms and committed as version n. */
function turn(number: number): ObservedTask {
  const text = `turn ${number}`;
  const startedAt = timestampFromMs(START_MS + 100 * number);
  const finishedAt = timestampFromMs(START_MS + 100 * number + 10);
  const result = create(TaskResultSchema, {
    messages: [message(Role.ASSISTANT, text)],
    sessionVersion: BigInt(number),
  });
  return {
    submission: {
      request: requestOf(number, { sessionId: "s" }),
      text,
      sentAt: START_MS + 2 * number,
      acceptedAt: START_MS + 2 * number + 1,
      taskIds: new Set([`task-${number}`]),
      cancelWasSent: false,
      ends: [{ state: TaskState.COMPLETED, result: resultDigest(result), by: "Execute" }],
      watched: [],
    },
    task: create(TaskSchema, {
      taskId: `task-${number}`,
      agentId: "echo",
      sessionId: "s",
      state: TaskState.COMPLETED,
      attempt: 1,
      maxAttempts: 12,
      consumedAttempts: 1,
      lastSequence: 4,
      createdAt: startedAt,
      finishedAt,
      result,
      idempotencyKey: `key ${number}`,
      attempts: [
        create(AttemptSchema, {
          attempt: 1,
          startedAt,
          finishedAt,
          outcome: AttemptOutcome.COMPLETED,
        }),
      ],
    }),
    isDeadLetter: false,
  };
}

function session(turns: readonly ObservedTask[]) {
  const history = turns.flatMap(({ submission: { text } }) => [
    message(Role.USER, text),
    message(Role.ASSISTANT, text),
  ]);
  const version = BigInt(turns.length);
  return {
    context: create(ExecutionContextSchema, { version, history }),
    unfinishedTaskIds: [],
  };
}

function logOf({ task, submission }: ObservedTask): ObservedLog & { entries: Entry[] } {
  const kinds = [
    { case: "stateChange" as const, value: { state: TaskState.QUEUED } },
    { case: "stateChange" as const, value: { state: TaskState.RUNNING } },
    { case: "message" as const, value: message(Role.ASSISTANT, submission.text) },
    {
      case: "stateChange" as const,
      value: { state: TaskState.COMPLETED, ...(task.result && { result: task.result }) },
    },
  ];
  const entries = kinds.map((kind, index): Entry => {
    const attempt = index === 0 ? 0 : 1;
    const event = create(TaskEventSchema, { kind });
    return { attempt, sequence: index + 1, mergedCount: 0, event };
  });
  const digest = logDigest();
  for (const entry of entries) digest.add(entry);
  return { entries, count: entries.length, digest: digest.end() };
}

const numbersOf = (violations: readonly { invariant: number }[]): number[] => [
  ...new Set(violations.map(({ invariant }) => invariant)),
];

test("a whole conversation passes", () => {
  const turns = [turn(1), turn(2), turn(3)];
  expect(checkSession("s", turns, session(turns))).toEqual([]);
  for (const each of turns) expect(checkTask(each, logOf(each))).toEqual([]);
});

test.each([
  ["a turn that is missing", (turns: ObservedTask[]) => session(turns.slice(1))],
  ["a turn that is there twice", (turns: ObservedTask[]) => session([...turns, ...turns.slice(2)])],
  ["turns in another order", (turns: ObservedTask[]) => session(turns.toReversed())],
])("%s is found", (_title, left) => {
  const turns = [turn(1), turn(2), turn(3)];
  expect(numbersOf(checkSession("s", turns, left(turns)))).toEqual([12]);
});

test("a commit before one that was accepted earlier is found", () => {
  const [first, second] = [turn(1), turn(2)];
  const swapped = [
    {
      ...first,
      submission: { ...first.submission, sentAt: START_MS + 900, acceptedAt: START_MS + 901 },
    },
    second,
  ];
  expect(numbersOf(checkSession("s", swapped, session(swapped)))).toEqual([6]);
});

test("two attempts of a session at once are found", () => {
  const turns = [turn(1), turn(2)];
  const [attempt] = turns[1]?.task.attempts ?? [];
  if (attempt) attempt.startedAt = timestampFromMs(START_MS + 105);
  expect(numbersOf(checkSession("s", turns, session(turns)))).toEqual([4]);
});

test("an attempt that a blocked event loop has cost is found, unless its worker was killed", () => {
  const one = turn(1);
  one.task.agentId = "blocks";
  const [attempt] = one.task.attempts;
  if (attempt) attempt.outcome = AttemptOutcome.LEASE_EXPIRED;
  const blocks = [{ submission: one.submission, startedAt: START_MS + 102 }];
  const faults: FaultLog = {
    counts: new Map(),
    kills: [],
    outages: [],
    hindered: [],
    markers: new Map(),
    endedAt: undefined,
  };
  expect(numbersOf(checkBlocks([one], blocks, faults))).toEqual([7]);
  faults.kills.push({ at: START_MS + 105, role: "worker", workerId: attempt?.workerId });
  expect(checkBlocks([one], blocks, faults)).toEqual([]);
});

test("a worker that takes nothing for long after an outage is found, unless the load had ended", () => {
  const outage = { from: START_MS + 1000, to: START_MS + 2000 };
  const turns = [turn(1), turn(2)];
  const [attempt] = turns[1]?.task.attempts ?? [];
  if (attempt) attempt.startedAt = timestampFromMs(outage.to + CONSUMERS_RESUME_MS + 1);
  const faults: FaultLog = {
    counts: new Map(),
    kills: [],
    outages: [outage],
    hindered: [],
    markers: new Map(),
    endedAt: outage.to + CONSUMERS_RESUME_MS,
  };
  expect(numbersOf(checkRecovery(turns, faults))).toEqual([0]);
  expect(checkRecovery(turns, { ...faults, endedAt: outage.to })).toEqual([]);
});

test("an attempt that was returned untouched is found when it was counted", () => {
  const one = turn(1);
  const returned = create(AttemptSchema, {
    attempt: 1,
    finishedAt: timestampFromMs(START_MS + 101),
    outcome: AttemptOutcome.RELEASED,
    error: { reason: "DELIVERY_RETURNED" },
  });
  const again = create(AttemptSchema, {
    attempt: 2,
    finishedAt: timestampFromMs(START_MS + 110),
    outcome: AttemptOutcome.COMPLETED,
  });
  one.task.attempts = [returned, again];
  one.task.attempt = 2;
  expect(checkTask(one, undefined)).toEqual([]);
  returned.outcome = AttemptOutcome.FAILED;
  one.task.consumedAttempts = 2;
  expect(numbersOf(checkTask(one, undefined))).toEqual([7]);
});

test("an end that changed is found", () => {
  const one = turn(1);
  one.submission.ends.push({ state: TaskState.FAILED, result: undefined, by: "a watcher" });
  expect(numbersOf(checkTask(one, undefined))).toEqual([2]);
});

test("a second terminal event is found", () => {
  const one = turn(1);
  const log = logOf(one);
  const last = log.entries.at(-1);
  if (last) log.entries.push({ ...last, sequence: 5 });
  expect(numbersOf(checkTask(one, log))).toContain(2);
});

test("a gap, and a watcher that saw something else, are found", () => {
  const one = turn(1);
  const log = logOf(one);
  log.entries.splice(2, 1);
  one.submission.watched.push({ digest: "other", count: 3 });
  expect(numbersOf(checkTask(one, log))).toContain(8);
});

test("a lost task, a second one of its key and a lease that is left are found", () => {
  const [lost, doubled] = [turn(1), turn(2)];
  doubled.submission.taskIds.add("task-3");
  const tasks = [doubled.task, turn(3).task];
  const view = { gateway: "", tasks, deadLetters: [], stats: [], digests: {} };
  const found = checkRun({
    ledger: { ...newLedger(), submissions: [lost.submission, doubled.submission] },
    views: [view],
    settledAfterMs: 1,
    tasks: [],
    taskViolations: [],
    sessions: new Map(),
    leftovers: new Map([["leases", 1]]),
    crashes: [],
  });
  expect(numbersOf(found)).toEqual(expect.arrayContaining([3, 9, 18]));
});

test("a run whose tasks could not be read is not told to have lost them", () => {
  const found = checkRun({
    ledger: { ...newLedger(), submissions: [turn(1).submission] },
    views: [],
    settledAfterMs: 1,
    tasks: [],
    taskViolations: [],
    sessions: new Map(),
    leftovers: new Map(),
    crashes: [],
  });
  expect(found.map(({ message }) => message)).toEqual(["no gateway has shown its tasks"]);
});
