import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Packed, unpack } from "../../src/redis/msgpack.ts";
import { loadFunctions } from "../../src/store/redis/functions.ts";
import { decodePart, encodePart, sessionName, taskName } from "../../src/store/redis/keys.ts";
import { hasRedis, type RedisServer, sharedRedis } from "../harness/redis-server.ts";

describe("names of keys", () => {
  const part = fc.oneof(
    fc.string({ unit: fc.constantFrom("a", ":", "%", " ", "3", "\u0000", "{", "}", "#") }),
    fc.string({ unit: "binary" }).filter((text) => text.isWellFormed()),
  );

  it("decode to what they encode", () => {
    fc.assert(
      fc.property(part, (text) => {
        const encoded = encodePart(text);
        expect(decodePart(encoded)).toBe(text);
        expect(encoded).not.toMatch(/[: ]/);
      }),
      { numRuns: 20_000 },
    );
  });

  it("are equal only for equal tasks and sessions", () => {
    const triple = fc.tuple(part, part, part);
    fc.assert(
      fc.property(triple, triple, ([a, b, c], [d, e, f]) => {
        const [one, other] = [
          { tenant: a, agentId: b, sessionId: c, taskId: b },
          { tenant: d, agentId: e, sessionId: f, taskId: e },
        ];
        expect(taskName(one) === taskName(other)).toBe(a === d && b === e);
        expect(sessionName(one) === sessionName(other)).toBe(a === d && b === e && c === f);
      }),
      { numRuns: 20_000 },
    );
  });
});

describe("functions", () => {
  it("add a test's clock shift to the time only when asked to", () => {
    expect(loadFunctions().create.library.text).not.toContain("clock-shift");
    expect(loadFunctions({ shiftedTime: true }).create.library.text).toContain("clock-shift");
  });
});

describe.runIf(hasRedis)("MessagePack as Lua writes it", () => {
  let server: Pick<RedisServer, "url" | "command" | "stop">;
  beforeAll(async () => {
    server = await sharedRedis();
  });
  afterAll(() => server.stop());

  async function packed(lua: string): Promise<Packed> {
    const script = `return (string.gsub(cmsgpack.pack(${lua}), '.', function(c) return string.format('%02x', string.byte(c)) end))`;
    return unpack(Buffer.from(String(await server.command("EVAL", script, "0")), "hex"));
  }

  it("reads numbers of every size", async () => {
    const numbers = [0, 1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1];
    const all = [...numbers, ...numbers.map((value) => -value), 0.5, -1e300];
    const read = await packed(`{${all.map((value) => value.toPrecision(17)).join(",")}}`);
    expect(read).toEqual(all.map((value) => value + 0));
  });

  it("reads texts, lists and maps of every size", async () => {
    for (const length of [0, 1, 31, 32, 255, 256, 65_535, 65_536]) {
      expect(await packed(`string.rep('x', ${length})`)).toEqual(Buffer.alloc(length, "x"));
    }
    for (const length of [15, 16, 70_000]) {
      const lua = `(function() local t = {} for i = 1, ${length} do t[i] = i % 100 end return t end)()`;
      expect(await packed(lua)).toHaveLength(length);
      const map = lua.replace("t[i]", "t['k' .. i]");
      expect(await packed(map)).toHaveProperty("size", length);
    }
    expect(await packed("{a = true, b = false}")).toEqual(
      new Map([
        ["a", true],
        ["b", false],
      ]),
    );
  });
});
