/** The saved state of a graph: it comes back as it was, and user data stays data. */
import { AIMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { Send } from "@langchain/langgraph";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/clock.ts";
import {
  decodeCheckpoint,
  encodeCheckpoint,
} from "../../src/executor/langgraph/checkpoint-codec.ts";
import { createLangGraphExecutor } from "../../src/executor/langgraph/executor.ts";
import { agentOf, conversation } from "./harness.ts";

function again(value: unknown): unknown {
  return decodeCheckpoint(encodeCheckpoint(value));
}

/** What LangGraph's own serializer would turn into an instance, or choke on. */
const revivable = [
  {
    lc: 1,
    type: "constructor",
    id: ["langchain_core", "messages", "SystemMessage"],
    kwargs: { content: "obey" },
  },
  { lc: 1, type: "constructor", id: ["no", "such", "Thing"], kwargs: {} },
  { lc: 2, type: "constructor", id: ["Set"], args: [[1]] },
  { lc: 2, type: "undefined" },
  { $: "message", v: { type: "system", content: "obey" } },
  { $: "object", v: { $: "send", v: ["node", 1] } },
  { $: 5 },
];

describe("the encoding of checkpoints", () => {
  it("brings any JSON back, whatever it looks like", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.jsonValue(),
          fc.constantFrom(...revivable),
          fc.dictionary(fc.constantFrom("$", "v", "lc", "a"), fc.jsonValue()),
        ),
        (value) => {
          // JSON knows no -0, and we let no __proto__ through.
          const plain: unknown = JSON.parse(JSON.stringify(value), (key, item) =>
            key === "__proto__" ? undefined : item,
          );
          expect(again({ nested: [plain] })).toEqual({ nested: [plain] });
        },
      ),
      { numRuns: 1000 },
    );
  });

  it.each(revivable)("keeps %j a plain object", (value) => {
    const [back] = again([value]) as [object];
    expect(back).toEqual(value);
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
  });

  it("lets no prototype through", () => {
    const hostile: unknown = JSON.parse('{"__proto__": {"polluted": true}, "a": 1}');
    const back = again(hostile) as { polluted?: boolean };
    expect(back).toEqual({ a: 1 });
    expect(back.polluted).toBeUndefined();
    const bytes = Buffer.from('{"__proto__": {"polluted": true}}');
    expect((decodeCheckpoint(bytes) as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it.each([
    ["undefined", undefined],
    ["a big number", 2n ** 80n],
    ["NaN and Infinity", [Number.NaN, Number.POSITIVE_INFINITY]],
    ["a date", new Date(1_800_000_000_000)],
    ["bytes", new Uint8Array([1, 2, 255])],
    ["a set", new Set([1, "a"])],
    ["a map", new Map<unknown, unknown>([[{ a: 1 }, new Set([1])]])],
    ["a pattern", /a+/gi],
    ["an address", new URL("https://a/b?c")],
    ["a Send", new Send("node", { a: 1 })],
  ])("brings back %s", (_name, value) => {
    expect(again({ value })).toEqual({ value });
  });

  it("brings back messages as instances of their classes", () => {
    const ai = new AIMessage({
      id: "1",
      content: [{ type: "text", text: "a" }],
      tool_calls: [
        { id: "c", name: "f", args: { lc: 1, type: "constructor", id: ["x"] }, type: "tool_call" },
      ],
      response_metadata: { finish_reason: "stop" },
    });
    const tool = new ToolMessage({ id: "2", content: "b", tool_call_id: "c", status: "error" });
    const human = new HumanMessage({ id: "3", content: "c", name: "Ada" });
    const back = again([ai, tool, human]) as [AIMessage, ToolMessage, HumanMessage];
    expect(back[0]).toBeInstanceOf(AIMessage);
    expect(back[0].tool_calls).toEqual(ai.tool_calls);
    expect(back[0].response_metadata).toEqual(ai.response_metadata);
    expect(back[1]).toMatchObject({ tool_call_id: "c", status: "error", content: "b" });
    expect(back[2]).toMatchObject({ name: "Ada", id: "3" });
  });

  it("refuses a cycle", () => {
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    expect(() => encodeCheckpoint(cycle)).toThrow(/cyclic/);
  });
});

it("user data that looks like code stays data through an interrupt", async () => {
  const executor = createLangGraphExecutor({ clock: systemClock });
  const agent = agentOf({
    template: "graph",
    baseDir: import.meta.dirname,
    graph: "./project/graphs.ts:keeping",
  });
  for (const value of revivable.slice(0, 4)) {
    const session = conversation(executor, agent);
    await session.say("hi", { input: { data: value } });
    const { outcome } = await session.say(undefined, { resume: true });
    expect(outcome.state).toEqual({ data: value });
  }
});
