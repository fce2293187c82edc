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

/** What encodings are made of: separators, escapes, their own output, and letters beyond a byte. */
const unit = fc.constantFrom(
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
);
const text = fc.array(unit, { maxLength: 4 }).map((units) => units.join(""));
/** As `agent_id` and `session_id` are allowed to be. */
const id = fc
  .array(fc.constantFrom("a", "b", "A", "0", ".", "-", "_", "low", "high"), { maxLength: 4 })
  .map((units) => `x${units.join("")}`);
const level = fc.constantFrom(Priority.LOW, Priority.NORMAL, Priority.HIGH, Priority.URGENT);
const topology = topologyOf("agentlane", "quorum");

/**
 * Two names that differ in one place, or whose parts are cut elsewhere: (`a:`, `b`) and (`a`, `:b`).
 */
function pairsOf(part: fc.Arbitrary<string>, size: number) {
  const parts = fc.array(part, { minLength: size, maxLength: size });
  const shifted = fc.tuple(parts, fc.nat(size - 1), fc.nat(6)).map(([given, at, cut]) => {
    const whole = given.join("");
    const other = given.map((each, index) => (index === at ? whole.slice(0, cut) : each));
    if (at + 1 < size) other[at + 1] = whole.slice(cut);
    return [given, other] as const;
  });
  return fc.oneof(fc.tuple(parts, parts), shifted);
}

function injective(
  name: string,
  size: number,
  part: fc.Arbitrary<string>,
  key: (...parts: string[]) => string,
) {
  test(`${name} is injective`, { timeout: 600_000 }, () => {
    const property = fc.property(pairsOf(part, size), ([one, other]) => {
      const isSame = one.every((each, index) => each === other[index]);
      // As the backend compares: in bytes.
      const [a, b] = [Buffer.from(key(...one)), Buffer.from(key(...other))];
      return isSame === a.equals(b);
    });
    fc.assert(property, { numRuns, ...seed });
  });
}

injective("a part of Redis' keys", 1, text, (part) => encodePart(part));
injective("a task's key in Redis", 2, text, (tenant, taskId) => taskName({ tenant, taskId }));
injective("an idempotency key in Redis", 2, text, keyName);
injective("a session's key in Redis", 3, text, (tenant, agentId, sessionId) =>
  sessionName({ tenant, agentId, sessionId }),
);
injective("an instance's key in Redis", 2, text, heldName);
injective("a session key", 2, id, (agentId, sessionId) => sessionKey({ agentId, sessionId }));
injective("a text in PostgreSQL", 1, text, writeText);
injective("a dead letter queue of RabbitMQ", 1, text, (queue) => deadQueue(topology, queue));
// A task's id is the server's own, and a tenant may be any text.
injective("a task's topic", 1, text, (tenant) => taskTopic(tenant, "0198-task"));

test("a routing key and a queue of RabbitMQ are injective", { timeout: 600_000 }, () => {
  const property = fc.property(text, level, text, level, (one, oneLevel, other, otherLevel) => {
    const isSame = one === other && oneLevel === otherLevel;
    expect(routingKey(one, oneLevel) === routingKey(other, otherLevel)).toBe(isSame);
    expect(levelQueue(topology, one, oneLevel) === levelQueue(topology, other, otherLevel)).toBe(
      isSame,
    );
  });
  fc.assert(property, { numRuns, ...seed });
});

test("the names of one kind never meet those of another in RabbitMQ", () => {
  const property = fc.property(text, text, level, (one, other, at) => {
    expect(deadQueue(topology, one)).not.toBe(levelQueue(topology, other, at));
  });
  fc.assert(property, { numRuns: Math.min(numRuns, 50_000), ...seed });
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
  fc.assert(property, { numRuns: Math.min(numRuns, 50_000), ...seed });
});

test("no key holds what its backend gives a meaning", () => {
  const property = fc.property(text, level, (name, at) => {
    expect(routingKey(name, at)).toMatch(/^[A-Za-z0-9._%;-]*$/);
    expect(encodePart(name).split(/[: ]/)).toHaveLength(1);
    expect(writeText(name)).not.toContain("\u0000");
  });
  fc.assert(property, { numRuns: Math.min(numRuns, 50_000), ...seed });
});
