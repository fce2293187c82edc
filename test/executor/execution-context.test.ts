import { create, equals } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Message, MessageSchema, Role } from "../../gen/agentlane/v1/content_pb.js";
import {
  type ExecutionContext,
  ExecutionContextSchema,
} from "../../gen/agentlane/v1/session_pb.js";
import {
  appendTurn,
  approximateTokens,
  type CommittedTurn,
  contextFromBytes,
  contextToBytes,
  newExecutionContext,
  repairContext,
  repairHistory,
  trimHistory,
} from "../../src/executor/execution-context.ts";

let nextId = 0;

function message(role: Role, parts: Parameters<typeof create<typeof MessageSchema>>[1]): Message {
  nextId += 1;
  return create(MessageSchema, { id: `m${nextId}`, role, ...parts });
}

const user = (value = "hello"): Message =>
  message(Role.USER, { content: [{ part: { case: "text", value } }] });
const answer = (value = "hi"): Message =>
  message(Role.ASSISTANT, { content: [{ part: { case: "text", value } }] });
const calling = (...ids: string[]): Message =>
  message(Role.ASSISTANT, {
    content: ids.map((id) => ({ part: { case: "toolCall", value: { id, name: "tool" } } })),
  });
const result = (...ids: string[]): Message =>
  message(Role.TOOL, {
    content: ids.map((toolCallId) => ({
      part: { case: "toolResult", value: { toolCallId, text: "done" } },
    })),
  });

/** Any sequence of messages, valid or not. */
const anyHistory = fc
  .array(
    fc.oneof(
      fc.constant("user"),
      fc.constant("answer"),
      fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 3 }).map((ids) => ({
        calls: [...new Set(ids)],
      })),
      fc.array(fc.constantFrom("a", "b", "c", "d"), { minLength: 1, maxLength: 2 }).map((ids) => ({
        results: ids,
      })),
    ),
    { maxLength: 40 },
  )
  .map((steps) =>
    steps.map((step) => {
      if (step === "user") return user();
      if (step === "answer") return answer();
      if (typeof step === "string") return answer();
      return "calls" in step ? calling(...step.calls) : result(...step.results);
    }),
  );

/** What a provider demands: every call is answered before the next message, every answer is asked for. */
function isValid(history: readonly Message[]): boolean {
  let open = new Set<string>();
  for (const each of history) {
    if (each.role === Role.TOOL) {
      for (const { part } of each.content) {
        if (part.case !== "toolResult" || !open.delete(part.value.toolCallId)) return false;
      }
      continue;
    }
    if (open.size > 0) return false;
    open = new Set(
      each.content.flatMap(({ part }) => (part.case === "toolCall" ? [part.value.id] : [])),
    );
  }
  return open.size === 0;
}

describe("repair", () => {
  it("makes any history valid, and leaves a valid one alone", () => {
    fc.assert(
      fc.property(anyHistory, (history) => {
        const repaired = repairHistory(history);
        expect(isValid(repaired)).toBe(true);
        expect(repairHistory(repaired)).toEqual(repaired);
        if (isValid(history)) expect(repaired).toEqual(history);
        const kept = new Set(repaired.map(({ id }) => id));
        for (const each of history) if (each.role !== Role.TOOL) expect(kept).toContain(each.id);
      }),
    );
  });

  it("completes a call without a result by an error", () => {
    const call = calling("a");
    const [, repaired, next] = repairHistory([call, user()]);
    expect(repaired?.content[0]?.part).toMatchObject({
      case: "toolResult",
      value: { toolCallId: "a", isError: true },
    });
    expect(next?.role).toBe(Role.USER);
  });

  it("answers with the same object when nothing was wrong", () => {
    const context = contextWith([user(), calling("a"), result("a"), answer()]);
    expect(repairContext(context)).toBe(context);
    expect(repairContext(contextWith([result("x")])).history).toEqual([]);
  });
});

describe("trimming", () => {
  it("keeps the limits, the newest messages, and a valid history", () => {
    fc.assert(
      fc.property(
        anyHistory,
        fc.integer({ min: 2, max: 30 }),
        fc.option(fc.integer({ min: 1, max: 40 }), { nil: undefined }),
        (any, maxMessages, maxTokens) => {
          const before = repairHistory(any);
          const { history, trimmedCount } = trimHistory(before, { maxMessages, maxTokens });
          expect(history.length).toBeLessThanOrEqual(maxMessages);
          expect(history).toEqual(before.slice(trimmedCount));
          expect(isValid(history)).toBe(true);
          if (maxTokens !== undefined) {
            expect(
              history.reduce((sum, each) => sum + approximateTokens(each), 0),
            ).toBeLessThanOrEqual(maxTokens);
          }
        },
      ),
    );
  });

  it("cuts between turns where it can", () => {
    const turns = [user(), answer(), user(), calling("a"), result("a"), answer(), user(), answer()];
    const { history, trimmedCount } = trimHistory(turns, { maxMessages: 5 });
    expect(trimmedCount).toBe(6);
    expect(history[0]?.role).toBe(Role.USER);
  });

  it("cuts a turn that is too long, but not between a call and its result", () => {
    const long = [user(), ...["a", "b", "c"].flatMap((id) => [calling(id), result(id)]), answer()];
    const { history } = trimHistory(long, { maxMessages: 4 });
    expect(history.map(({ role }) => role)).toEqual([Role.ASSISTANT, Role.TOOL, Role.ASSISTANT]);
  });
});

describe("a committed turn", () => {
  it("raises the version, merges the metadata and counts what is trimmed", () => {
    let context = newExecutionContext({ agentId: "agent", sessionId: "session" });
    for (let turn = 1; turn <= 10; turn++) {
      context = appendTurn(context, {
        ...turnWith([user(`question ${turn}`)], [answer(`answer ${turn}`)]),
        metadata: { last: String(turn), [`turn${turn}`]: "yes" },
        limits: { maxMessages: 6 },
        nowMs: turn * 1000,
      });
    }
    expect(context.version).toBe(10n);
    expect(context.history).toHaveLength(6);
    expect(context.trimmedMessageCount).toBe(14n);
    expect(context.metadata).toMatchObject({ last: "10", turn1: "yes" });
    expect(context.createdAt?.seconds).toBe(1n);
    expect(context.updatedAt?.seconds).toBe(10n);
  });

  it("takes the graph's history where it rewrote it", () => {
    const before = contextWith([user(), answer()]);
    const rewritten = [user("summary")];
    const turn = turnWith([user()], [answer()]);
    const after = appendTurn(before, { ...turn, outcome: { ...turn.outcome, history: rewritten } });
    expect(after.history).toEqual(rewritten);
  });

  it("holds calls without results back while a question is open", () => {
    const turn = turnWith([user()], [answer("let me see"), calling("a", "b"), result("a")]);
    const interrupts = [{ $typeName: "agentlane.v1.Interrupt" as const, id: "q" }];
    const paused = appendTurn(newExecutionContext({ agentId: "a", sessionId: "s" }), {
      ...turn,
      outcome: { ...turn.outcome, interrupts },
    });
    expect(paused.history.map(({ role }) => role)).toEqual([Role.USER, Role.ASSISTANT]);
    expect(paused.interrupts).toEqual(interrupts);
    expect(isValid(paused.history)).toBe(true);
  });

  it("is always valid, whatever the graph produced", () => {
    fc.assert(
      fc.property(anyHistory, anyHistory, fc.boolean(), (history, added, paused) => {
        const turn = turnWith([user()], added);
        const interrupts = paused
          ? [{ $typeName: "agentlane.v1.Interrupt" as const, id: "q" }]
          : [];
        const after = appendTurn(repairContext(contextWith(history)), {
          ...turn,
          outcome: { ...turn.outcome, interrupts },
        });
        expect(isValid(after.history)).toBe(true);
      }),
    );
  });

  it("does not change the context before it", () => {
    const before = contextWith([user(), answer()]);
    const copy = structuredClone(before);
    appendTurn(before, turnWith([user()], [answer()]));
    expect(before).toEqual(copy);
  });
});

describe("bytes", () => {
  it("bring a context back as it was", () => {
    fc.assert(
      fc.property(
        anyHistory,
        fc.dictionary(fc.string(), fc.string()),
        fc.uint8Array(),
        (history, metadata, checkpoint) => {
          const context = { ...contextWith(repairHistory(history)), metadata, checkpoint };
          const again = contextFromBytes(contextToBytes(context));
          expect(equals(ExecutionContextSchema, again, context)).toBe(true);
        },
      ),
    );
  });
});

function contextWith(history: Message[]): ExecutionContext {
  return { ...newExecutionContext({ agentId: "agent", sessionId: "session" }), history };
}

function turnWith(messages: Message[], added: Message[]): CommittedTurn {
  return {
    messages,
    outcome: { messages: added, history: undefined, interrupts: [], checkpoint: new Uint8Array() },
    metadata: {},
    limits: { maxMessages: 1000 },
    nowMs: 0,
  };
}
