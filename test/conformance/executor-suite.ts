/**
 * What every FrameworkExecutor does. An adapter calls this once with agents of its own that behave as
 * `ExecutorUnderTest` says.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Role } from "../../gen/agentlane/v1/content_pb.js";
import { AgentlaneError } from "../../src/errors.ts";
import type { AgentDefinition } from "../../src/executor/agent-definition.ts";
import type { FrameworkExecutor, TurnEvent } from "../../src/executor/contract.ts";
import {
  casesOf,
  collect,
  conversation,
  type EventKind,
  errorOf,
  turnOf,
} from "../executor/harness.ts";

export interface ExecutorUnderTest {
  readonly executor: FrameworkExecutor;
  /** Answers with the text of the last user message; streams it in more than one chunk. */
  readonly echo: AgentDefinition;
  /** Remembers "my name is X" for "what is my name"; calculates "12 * 34" by a tool. */
  readonly assistant: AgentDefinition;
  /** Answers "count slowly to N" by a tool that takes at least 50 ms a number. */
  readonly slow: AgentDefinition;
  /** Throws an error of no particular kind. */
  readonly failing: AgentDefinition;
  /** Runs until the end of the process, whatever its signal says. */
  readonly deaf: AgentDefinition;
  /** Asks before it answers: "approved" when the answer is true, "refused" when it is false. */
  readonly asking: AgentDefinition;
  /** Cannot be used; the problem is in the key `graph`. */
  readonly broken: AgentDefinition;
}

export function executorSuite(name: string, make: () => Promise<ExecutorUnderTest>): void {
  describe(`FrameworkExecutor: ${name}`, () => {
    let sut: ExecutorUnderTest;
    beforeAll(async () => {
      sut = await make();
      await sut.executor.start();
    });
    afterAll(() => sut.executor.stop());

    describe("a turn", () => {
      for (const streaming of [false, true]) {
        it(`ends with exactly one outcome (streaming: ${streaming})`, async () => {
          const turn = turnOf(sut.echo, { text: "hello big world", streaming });
          const { outcome, answer } = await collect(sut.executor.execute(turn));
          expect(answer).toBe("hello big world");
          expect(outcome.messages).toHaveLength(1);
          expect(outcome.messages[0]?.role).toBe(Role.ASSISTANT);
          expect(outcome.messages[0]?.id).not.toBe("");
          expect(outcome.interrupts).toEqual([]);
          expect(outcome.checkpoint).toHaveLength(0);
          expect(outcome.finishReason).toBe("stop");
        });

        it(`emits each complete message once (streaming: ${streaming})`, async () => {
          const turn = turnOf(sut.assistant, { text: "what is 12 * 34?", streaming });
          const { events, outcome } = await collect(sut.executor.execute(turn));
          const emitted = events.flatMap((kind) =>
            kind.case === "message" ? [kind.value.id] : [],
          );
          expect(emitted).toEqual(outcome.messages.map(({ id }) => id));
        });

        it(`tells of tool calls (streaming: ${streaming})`, async () => {
          const turn = turnOf(sut.assistant, { text: "what is 12 * 34?", streaming });
          const { events, answer } = await collect(sut.executor.execute(turn));
          expect(answer).toContain("408");
          expectPairedToolCalls(events);
        });
      }

      it("streams the answer in pieces that add up to the message", async () => {
        const turn = turnOf(sut.echo, { text: "one two  three\nfour ", streaming: true });
        const { events, streamed, answer } = await collect(sut.executor.execute(turn));
        expect(streamed).toBe(answer);
        const chunks = events.flatMap((kind) => (kind.case === "chunk" ? [kind.value] : []));
        expect(chunks.length).toBeGreaterThan(2);
        expect(chunks.map(({ choices }) => choices[0]?.delta?.role)).toEqual([
          "assistant",
          ...chunks.slice(1).map(() => undefined),
        ]);
        expect(chunks.at(-1)?.choices[0]?.finishReason).toBe("stop");
        expect(chunks.at(-1)?.usage?.completionTokens).toBeGreaterThan(0);
        expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
      });

      it("produces no token events unless they are wanted", async () => {
        const turn = turnOf(sut.assistant, { text: "what is 12 * 34?" });
        const { events } = await collect(sut.executor.execute(turn));
        expect(casesOf(events)).not.toContain("chunk");
        expect(casesOf(events)).not.toContain("nodeUpdate");
      });

      it("knows the history it is given, and no other", async () => {
        const session = conversation(sut.executor, sut.assistant);
        await session.say("Hello, my name is Ada");
        expect((await session.say("What is my name?")).answer).toContain("Ada");
        const stranger = conversation(sut.executor, sut.assistant);
        expect((await stranger.say("What is my name?")).answer).not.toContain("Ada");
      });

      it("leaves its arguments as they are", async () => {
        const session = conversation(sut.executor, sut.assistant);
        await session.say("what is 1 + 1?");
        const before = structuredClone(session.context);
        const turn = turnOf(sut.assistant, { text: "what is 2 + 2?", context: session.context });
        const messages = structuredClone(turn.messages);
        await collect(sut.executor.execute(turn));
        expect(session.context).toEqual(before);
        expect(turn.messages).toEqual(messages);
      });

      it("keeps turns that run at the same time apart", async () => {
        const texts = Array.from({ length: 32 }, (_, index) => `message number ${index} of many`);
        const collected = await Promise.all(
          texts.map((text) =>
            collect(sut.executor.execute(turnOf(sut.echo, { text, streaming: true }))),
          ),
        );
        expect(collected.map(({ streamed }) => streamed)).toEqual(texts);
        expect(collected.map(({ answer }) => answer)).toEqual(texts);
      });
    });

    describe("failure and abort", () => {
      it("rejects with a retryable error when the agent throws", async () => {
        const error = await errorOf(sut.executor.execute(turnOf(sut.failing, { text: "go" })));
        expect(error).toBeInstanceOf(AgentlaneError);
        expect(error).toMatchObject({ kind: "internal", reason: "AGENT_ERROR", retryable: true });
      });

      it("ends soon after an abort, and starts no tool call", async () => {
        const controller = new AbortController();
        const turn = turnOf(sut.slow, {
          text: "count slowly to 1000",
          streaming: true,
          signal: controller.signal,
        });
        const { afterAbort, elapsedMs } = await readUntilAborted(
          sut.executor.execute(turn),
          "toolCallStarted",
          controller,
        );
        expect(elapsedMs).toBeLessThan(1000);
        expect(afterAbort).not.toContain("toolCallStarted");
      });

      it("ends soon after an abort although the agent ignores it", async () => {
        const controller = new AbortController();
        const turn = turnOf(sut.deaf, { text: "go", signal: controller.signal });
        setImmediate(() => controller.abort(new Error("enough")));
        const error = await errorOf(sut.executor.execute(turn));
        expect(error).toMatchObject({ kind: "canceled" });
      });

      it("does not begin when it is aborted already", async () => {
        const signal = AbortSignal.abort(new Error("too late"));
        const error = await errorOf(sut.executor.execute(turnOf(sut.echo, { text: "hi", signal })));
        expect(error).toMatchObject({ kind: "canceled" });
      });

      it("passes on the abort's reason when it is an error of the domain", async () => {
        const reason = new AgentlaneError("deadline_exceeded", "DEADLINE", "out of time");
        const signal = AbortSignal.abort(reason);
        expect(await errorOf(sut.executor.execute(turnOf(sut.echo, { text: "hi", signal })))).toBe(
          reason,
        );
      });

      it("lets a reader leave early", async () => {
        const turn = turnOf(sut.slow, { text: "count slowly to 1000", streaming: true });
        for await (const event of sut.executor.execute(turn)) {
          if (event.type === "event" && event.kind.case === "toolCallStarted") break;
        }
      });
    });

    describe("questions", () => {
      for (const [answer, text] of [
        [true, "approved"],
        [false, "refused"],
      ] as const) {
        it(`pauses to ask and goes on with the answer ${answer}`, async () => {
          const session = conversation(sut.executor, sut.asking);
          const asked = await session.say("please");
          expect(asked.outcome.interrupts).toHaveLength(1);
          expect(asked.outcome.interrupts[0]?.id).not.toBe("");
          expect(asked.outcome.checkpoint.length).toBeGreaterThan(0);
          const answered = await session.say(undefined, { resume: answer });
          expect(answered.outcome.interrupts).toEqual([]);
          expect(answered.answer).toBe(text);
        });
      }

      it("refuses an answer to no question", async () => {
        const turn = turnOf(sut.asking, { resume: true });
        expect(await errorOf(sut.executor.execute(turn))).toMatchObject({
          kind: "failed_precondition",
          reason: "NOTHING_TO_RESUME",
          retryable: false,
        });
      });
    });

    describe("definitions", () => {
      it("finds nothing wrong with a good one and describes it", async () => {
        expect(await sut.executor.validate(sut.assistant)).toEqual([]);
        const description = await sut.executor.describe(sut.assistant);
        expect(description.agentId).toBe(sut.assistant.id);
        expect(description.framework).toBe(sut.executor.framework);
        expect(description.tools.length).toBeGreaterThan(0);
        for (const tool of description.tools) {
          expect(tool.description).not.toBe("");
          expect(tool.inputSchema).toHaveProperty("type", "object");
        }
      });

      it("names the key of a bad one, and refuses to describe or run it", async () => {
        const [problem] = await sut.executor.validate(sut.broken);
        expect(problem?.field).toBe("graph");
        expect(problem?.message).not.toBe("");
        const refusal = { kind: "invalid_argument", reason: "AGENT_INVALID", retryable: false };
        await expect(sut.executor.describe(sut.broken)).rejects.toMatchObject(refusal);
        const turn = turnOf(sut.broken, { text: "hi" });
        expect(await errorOf(sut.executor.execute(turn))).toMatchObject(refusal);
      });

      it("tells of its health", () => {
        const health = sut.executor.health();
        expect(health.framework).toBe(sut.executor.framework);
        expect(health.version).toMatch(/^\d+\.\d+\.\d+/);
        expect(health.executorInitialized).toBe(true);
        expect(health.capabilities).toContain("streaming");
      });
    });

    it("starts and stops any number of times", async () => {
      const { executor } = await make();
      await executor.stop();
      await Promise.all([executor.start(), executor.start()]);
      await collect(executor.execute(turnOf(sut.echo, { text: "hi" })));
      await Promise.all([executor.stop(), executor.stop()]);
      expect(executor.health().executorInitialized).toBe(false);
    });
  });
}

/** Each tool call that starts ends, with the same id, and only once. */
function expectPairedToolCalls(events: readonly EventKind[]): void {
  const open = new Set<string>();
  let count = 0;
  for (const kind of events) {
    if (kind.case === "toolCallStarted") {
      open.add(kind.value.call?.id ?? "");
      count += 1;
    }
    if (kind.case === "toolCallFinished") {
      expect(open.delete(kind.value.result?.toolCallId ?? "")).toBe(true);
      expect(kind.value.name).not.toBe("");
      expect(kind.value.duration).toBeDefined();
    }
  }
  expect(count).toBeGreaterThan(0);
  expect(open.size).toBe(0);
}

async function readUntilAborted(
  events: AsyncIterable<TurnEvent>,
  abortAt: EventKind["case"],
  controller: AbortController,
): Promise<{ afterAbort: string[]; elapsedMs: number }> {
  const afterAbort: string[] = [];
  let abortedAt = 0;
  try {
    for await (const event of events) {
      if (event.type !== "event") continue;
      if (abortedAt > 0) afterAbort.push(event.kind.case ?? "none");
      if (event.kind.case === abortAt && abortedAt === 0) {
        abortedAt = performance.now();
        controller.abort(new Error("enough"));
      }
    }
  } catch {
    // What an aborted turn throws is of no interest.
  }
  return { afterAbort, elapsedMs: performance.now() - abortedAt };
}
