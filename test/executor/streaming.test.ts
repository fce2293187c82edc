/** Tokens: none is lost, none piles up. */
import { describe, expect, it } from "vitest";
import { systemClock } from "../../src/clock.ts";
import type { TurnEvent } from "../../src/executor/contract.ts";
import { createEventChannel } from "../../src/executor/langgraph/event-channel.ts";
import { createLangGraphExecutor } from "../../src/executor/langgraph/executor.ts";
import { agentOf, collect, contentOf, turnOf } from "./harness.ts";

const executor = createLangGraphExecutor({ clock: systemClock });
const demo = agentOf({ template: "demo", options: { tokenDelayMs: 0 } });
const echo = agentOf({ id: "echo", template: "echo" });

const expected = Array.from({ length: 100 }, (_, index) => index + 1).join(" ");

describe("token streaming", () => {
  it("loses no token of 32 × 100 from a model that emits without delay", async () => {
    const turns = Array.from({ length: 32 }, () =>
      collect(executor.execute(turnOf(demo, { text: "count to 100", streaming: true }))),
    );
    for (const { events, streamed, answer } of await Promise.all(turns)) {
      expect(streamed).toBe(expected);
      expect(answer).toBe(expected);
      const tokens = events.filter((kind) => contentOf(kind) !== "");
      expect(tokens).toHaveLength(100);
    }
  });

  it("loses none of a model either when the readers are slow", async () => {
    const turns = Array.from({ length: 8 }, async () => {
      let streamed = "";
      const turn = turnOf(demo, { text: "count to 100", streaming: true });
      for await (const event of executor.execute(turn)) {
        if (event.type === "event") streamed += contentOf(event.kind);
        await new Promise((resolve) => setImmediate(resolve));
      }
      return streamed;
    });
    expect(new Set(await Promise.all(turns))).toEqual(new Set([expected]));
  });

  it.each([
    ["echo", turnOf(echo, { text: "go", streaming: true, configurable: { tokens: 100_000 } })],
    ["a model", turnOf(demo, { text: "count to 99999", streaming: true })],
  ])(
    "hands 100,000 tokens of %s through a small buffer",
    async (_name, turn) => {
      let count = 0;
      let length = 0;
      for await (const event of executor.execute(turn)) {
        if (event.type === "outcome") break;
        const content = contentOf(event.kind);
        length += content.length;
        if (content !== "") count += 1;
      }
      expect(count).toBeGreaterThanOrEqual(99_999);
      expect(length).toBeGreaterThan(500_000);
    },
    60_000,
  );

  it("makes a model wait for its reader", async () => {
    let produced = 0;
    const counting = agentOf({ id: "counting", template: "echo" });
    const turn = turnOf(counting, {
      text: "go",
      streaming: true,
      configurable: { tokens: 10_000 },
    });
    const events = executor.execute(turn)[Symbol.asyncIterator]();
    for (let read = 0; read < 10; read++) {
      const { value } = (await events.next()) as { value: TurnEvent };
      if (value.type === "event") {
        produced = Number(/t(\d+)/.exec(contentOf(value.kind))?.[1]);
      }
    }
    expect(produced).toBe(9);
    await events.return?.();
  });
});

describe("the event channel", () => {
  const chunk = { case: undefined } as const;

  it("holds producers back once 64 events wait, and lets them go when they are read", async () => {
    const channel = createEventChannel();
    let waited: Promise<void> | undefined;
    let pushed = 0;
    while (!waited) {
      waited = channel.push(chunk);
      pushed += 1;
    }
    expect(pushed).toBe(64);
    const events = channel[Symbol.asyncIterator]();
    for (let read = 0; read < 64; read++) await events.next();
    await waited;
    expect(channel.push(chunk)).toBeUndefined();
  });

  it("lets nothing through once it has failed", async () => {
    const channel = createEventChannel();
    void channel.push(chunk);
    channel.fail(new Error("over"));
    expect(channel.push(chunk)).toBeUndefined();
    channel.finish({ type: "event", kind: chunk });
    await expect(channel[Symbol.asyncIterator]().next()).rejects.toThrow("over");
  });

  it("releases producers that wait when it fails", async () => {
    const channel = createEventChannel();
    let waited: Promise<void> | undefined;
    while (!waited) waited = channel.push(chunk);
    channel.fail(new Error("over"));
    await waited;
  });
});
