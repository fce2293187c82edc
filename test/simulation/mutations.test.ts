/** A checker that finds nothing proves nothing: here it has something to find. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Command, commandsArbitrary } from "./commands.ts";
import { checkHistory } from "./history-checker.ts";
import { MUTANTS } from "./mutants.ts";
import { simulate } from "./simulate.ts";
import type { Mutation } from "./world.ts";

const SEED = 20_260_101;
const MAX_RUN_COUNT = 600;

type Run = readonly [commands: Command[], chance: number];

function runs(withReconcile: boolean): Run[] {
  const commands = commandsArbitrary({ withLosses: withReconcile });
  const run = fc.tuple(commands, fc.integer({ min: 0, max: 2 ** 31 }));
  return fc.sample(run, { numRuns: MAX_RUN_COUNT, seed: SEED });
}

const WITH_RECONCILE = runs(true);
const WITHOUT_RECONCILE = runs(false);

async function invariantsBrokenBy(
  [commands, seed]: Run,
  reconciles: boolean,
  mutation: Mutation = {},
): Promise<Set<number>> {
  const history = await simulate(commands, { seed, reconciles, mutation });
  return new Set(checkHistory(history).map(({ invariant }) => invariant));
}

describe("the simulation finds", { timeout: 120_000 }, () => {
  it.each(MUTANTS)("$name", async ({ make, breaks, withoutReconcile = false }) => {
    const candidates = withoutReconcile ? WITHOUT_RECONCILE : WITH_RECONCILE;
    for (const run of candidates) {
      const broken = await invariantsBrokenBy(run, !withoutReconcile, make());
      if (breaks.some((invariant) => broken.has(invariant))) return;
    }
    expect.fail(`not found in ${MAX_RUN_COUNT} runs`);
  });
});

describe("the simulation finds nothing in the engine as it is", { timeout: 120_000 }, () => {
  it.each([
    ["with reconcile", true, WITH_RECONCILE],
    ["without reconcile, when nothing is lost", false, WITHOUT_RECONCILE],
  ] as const)("%s", async (_, reconciles, candidates) => {
    for (const run of candidates) {
      expect([...(await invariantsBrokenBy(run, reconciles))]).toEqual([]);
    }
  });
});
