/** Operations of one tick in one call: each has its own answer. */
import { describe, expect, it } from "vitest";
import { unpack } from "../../src/redis/msgpack.ts";
import { createBatch } from "../../src/store/redis/batches.ts";

type Call = readonly unknown[];

function recorded(answer: (name: string) => unknown): {
  calls: string[][];
  run: (args: readonly string[]) => Promise<unknown>;
} {
  const calls: string[][] = [];
  const run = createBatch(async (args) => {
    const names = args.map((each) => String(Buffer.isBuffer(each) && unpack(each)));
    calls.push(names);
    return names.map(answer);
  });
  return { calls, run };
}

const ok = (name: string): Call => [Buffer.from("OK"), name];

describe("a batch", () => {
  it("takes what is asked for in one tick, also by those who were just answered", async () => {
    const { calls, run } = recorded(ok);
    const twice = async (name: string): Promise<void> => {
      await run([`${name}1`]);
      await run([`${name}2`]);
    };
    await Promise.all([twice("a"), twice("b")]);
    expect(calls).toEqual([
      ["a1", "b1"],
      ["a2", "b2"],
    ]);
  });

  it("gives each its own answer, and its own error", async () => {
    const { run } = recorded((name) =>
      name === "bad" ? [Buffer.from("FAILED"), Buffer.from("ERR broken")] : ok(name),
    );
    const [good, bad] = await Promise.allSettled([run(["good"]), run(["bad"])]);
    expect(good).toMatchObject({ value: ok("good") });
    expect(bad).toMatchObject({ reason: { kind: "internal", reason: "REDIS_SCRIPT" } });
  });

  it("fails all of a call that fails", async () => {
    const away = new Error("away");
    const run = createBatch(() => Promise.reject(away));
    const all = await Promise.allSettled([run(["a"]), run(["b"])]);
    expect(all).toEqual(Array(2).fill({ status: "rejected", reason: away }));
  });

  it("is bounded in operations and in bytes", async () => {
    const { calls, run } = recorded(ok);
    await Promise.all(Array.from({ length: 40 }, (_, index) => run([`${index}`])));
    expect(calls.map((names) => names.length)).toEqual([16, 16, 8]);
    calls.length = 0;
    await Promise.all(["a", "b", "c"].map((name) => run([name.repeat(200_000)])));
    expect(calls.map((names) => names.length)).toEqual([1, 1, 1]);
  });
});
