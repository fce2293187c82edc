/**
 * No two different names meet in one key, in any backend. KEY_PAIRS=1000000 is the long form; a failure
 * prints its seed, and KEY_SEED repeats it.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Priority } from "../../gen/agentlane/v1/task_pb.js";
import { taskTopic } from "../../src/queue/contract.ts";
import {
  deadQueue,
  levelQueue,
  routingKey,
  topologyOf,
} from "../../src/queue/rabbitmq/topology.ts";
import { sessionKey } from "../../src/store/contract.ts";
import { readText, writeText } from "../../src/store/postgres/names.ts";
import {
  decodePart,
  encodePart,
  heldName,
  keyName,
  sessionName,
  taskName,
  taskRefOf,
} from "../../src/store/redis/keys.ts";

const numRuns = Number(process.env.KEY_PAIRS ?? 5_000);
const seed = process.env.KEY_SEED === undefined ? {} : { seed: Number(process.env.KEY_SEED) };

/** Of one run of fast-check: what it draws is a seed, because drawing each text takes 100 times as long. */
const BLOCK_PAIRS = 100;

/** What encodings are made of: separators, escapes, their own output, and letters beyond a byte. */
const UNITS = [
  "a",
  "b",
  "0",
  ":",
  "%",
  "%3a",
  "%25",
  "%00",
  "3a",
  " ",
  "#",
  ".",
  "-",
  "_",
  "/",
  "{",
  "}",
  "*",
  "\n",
  "\r",
  "\u0000",
  "!",
  "$",
  "~",
  ";",
  "%23;",
  "é",
  "\u00e9",
  "e\u0301",
  "😀",
  "\u2028",
  "low",
  "high",
  ".high",
  "queue",
  "",
];
const LEVELS = [Priority.LOW, Priority.NORMAL, Priority.HIGH, Priority.URGENT] as const;
const text = fc.array(fc.constantFrom(...UNITS), { maxLength: 4 }).map((units) => units.join(""));
const level = fc.constantFrom(...LEVELS);
const topology = topologyOf("agentlane", "quorum");

/** An integer from 0 to below `limit`. */
type Draw = (limit: number) => number;
type DrawText = (draw: Draw) => string;

/** mulberry32: the same numbers for the same seed. */
function drawFrom(seed: number): Draw {
  let state = seed | 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

function joined(draw: Draw, units: readonly string[]): string {
  let all = "";
  for (let left = draw(5); left > 0; left--) all += units[draw(units.length)];
  return all;
}

const anyText: DrawText = (draw) => joined(draw, UNITS);
/** As `agent_id` and `session_id` are allowed to be. */
const ID_UNITS = ["a", "b", "A", "0", ".", "-", "_", "low", "high"];
const anyId: DrawText = (draw) => `x${joined(draw, ID_UNITS)}`;

type Pair = readonly [readonly string[], readonly string[]];

/**
 * Two names that differ in one place, or whose parts are cut elsewhere: (`a:`, `b`) and (`a`, `:b`).
 */
function drawPair(draw: Draw, part: DrawText, size: number): Pair {
  const one = Array.from({ length: size }, () => part(draw));
  if (draw(2) === 0) return [one, Array.from({ length: size }, () => part(draw))];
  const whole = one.join("");
  const [at, cut] = [draw(size), draw(7)];
  const other = one.map((each, index) => (index === at ? whole.slice(0, cut) : each));
  if (at + 1 < size) other[at + 1] = whole.slice(cut);
  return [one, other];
}

/** Holds `check` to `numRuns` draws, in blocks; it answers what is wrong. */
function holds(check: (draw: Draw) => string | undefined): void {
  const property = fc.property(fc.integer(), (blockSeed) => {
    const draw = drawFrom(blockSeed);
    for (let count = 0; count < BLOCK_PAIRS; count++) {
      const problem = check(draw);
      if (problem !== undefined) throw new Error(problem);
    }
  });
  fc.assert(property, { numRuns: Math.ceil(numRuns / BLOCK_PAIRS), ...seed });
}

function injective(
  name: string,
  size: number,
  part: DrawText,
  key: (...parts: string[]) => string,
): void {
  test(`${name} is injective`, { timeout: 600_000 }, () => {
    holds((draw) => {
      const [one, other] = drawPair(draw, part, size);
      const isSame = one.every((each, index) => each === other[index]);
      // As the backend compares: in bytes.
      const meet = Buffer.from(key(...one)).equals(Buffer.from(key(...other)));
      return isSame === meet ? undefined : `${JSON.stringify(one)} and ${JSON.stringify(other)}`;
    });
  });
}

test("a key that is not injective is found", () => {
  const glued = (draw: Draw): string | undefined => {
    const [one, other] = drawPair(draw, anyText, 2);
    const isSame = one.every((each, index) => each === other[index]);
    return isSame === (one.join(":") === other.join(":")) ? undefined : "they meet";
  };
  expect(() => holds(glued)).toThrow("Property failed");
});

injective("a part of Redis' keys", 1, anyText, (part) => encodePart(part));
injective("a task's key in Redis", 2, anyText, (tenant, taskId) => taskName({ tenant, taskId }));
injective("an idempotency key in Redis", 2, anyText, keyName);
injective("a session's key in Redis", 3, anyText, (tenant, agentId, sessionId) =>
  sessionName({ tenant, agentId, sessionId }),
);
injective("an instance's key in Redis", 2, anyText, heldName);
injective("a session key", 2, anyId, (agentId, sessionId) => sessionKey({ agentId, sessionId }));
injective("a text in PostgreSQL", 1, anyText, writeText);
injective("a dead letter queue of RabbitMQ", 1, anyText, (queue) => deadQueue(topology, queue));
// A task's id is the server's own, and a tenant may be any text.
injective("a task's topic", 1, anyText, (tenant) => taskTopic(tenant, "0198-task"));

test("a routing key and a queue of RabbitMQ are injective", { timeout: 600_000 }, () => {
  holds((draw) => {
    const [[one = ""], [other = ""]] = drawPair(draw, anyText, 1);
    const levels = [LEVELS[draw(4)] ?? Priority.LOW, LEVELS[draw(4)] ?? Priority.LOW] as const;
    const isSame = one === other && levels[0] === levels[1];
    const keys = routingKey(one, levels[0]) === routingKey(other, levels[1]);
    const queues = levelQueue(topology, one, levels[0]) === levelQueue(topology, other, levels[1]);
    const told = JSON.stringify([one, other, levels]);
    return keys === isSame && queues === isSame ? undefined : told;
  });
});

test("the names of one kind never meet those of another in RabbitMQ", () => {
  const property = fc.property(text, text, level, (one, other, at) => {
    expect(deadQueue(topology, one)).not.toBe(levelQueue(topology, other, at));
  });
  fc.assert(property, { numRuns: Math.min(numRuns, 20_000), ...seed });
});

test("what is encoded is read back", () => {
  const property = fc.property(text, text, (one, other) => {
    expect(decodePart(encodePart(one))).toBe(one);
    expect(readText(writeText(one))).toBe(one);
    expect(taskRefOf(taskName({ tenant: one, taskId: other }))).toEqual({
      tenant: one,
      taskId: other,
    });
  });
  fc.assert(property, { numRuns: Math.min(numRuns, 20_000), ...seed });
});

test("no key holds what its backend gives a meaning", () => {
  const property = fc.property(text, level, (name, at) => {
    expect(routingKey(name, at)).toMatch(/^[A-Za-z0-9._%;-]*$/);
    expect(encodePart(name).split(/[: ]/)).toHaveLength(1);
    expect(writeText(name)).not.toContain("\u0000");
  });
  fc.assert(property, { numRuns: Math.min(numRuns, 20_000), ...seed });
});
