/**
 * The whole engine but the server, on a fake clock, under random load and faults; see the checker for
 * what must hold. AGENTLANE_SIM_RUNS sets the number of runs; AGENTLANE_SIM_SEED and
 * AGENTLANE_SIM_PATH, as a failure prints them, replay one.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Command, commandsArbitrary } from "./commands.ts";
import { checkHistory, type Violation } from "./history-checker.ts";
import { simulate } from "./simulate.ts";

const RUN_COUNT = Number(process.env.AGENTLANE_SIM_RUNS ?? 2000);
const SEED = process.env.AGENTLANE_SIM_SEED;
const PATH = process.env.AGENTLANE_SIM_PATH;

test(`all invariants hold in ${RUN_COUNT} random runs`, { timeout: 0 }, async () => {
  const seed = SEED === undefined ? Date.now() & 0x7fff_ffff : Number(SEED);
  const property = fc.asyncProperty(
    commandsArbitrary(),
    fc.integer({ min: 0, max: 2 ** 31 }),
    async (commands, chance) => {
      const violations = checkHistory(await simulate(commands, { seed: chance }));
      if (violations.length > 0) throw new Error(violations.map(describe).join("\n"));
    },
  );
  const details = await fc.check(property, {
    numRuns: RUN_COUNT,
    seed,
    ...(PATH === undefined ? {} : { path: PATH }),
  });
  if (details.failed) throw new Error(report(details));
});

test("the same commands and seed make the same history", async () => {
  const runs = fc.tuple(commandsArbitrary(), fc.integer({ min: 0, max: 2 ** 31 }));
  for (const [commands, seed] of fc.sample(runs, { numRuns: 20, seed: 1 })) {
    const first = await simulate(commands, { seed });
    expect(fc.stringify(await simulate(commands, { seed }))).toBe(fc.stringify(first));
  }
});

function report(details: fc.RunDetails<[Command[], number]>): string {
  const path = details.counterexamplePath ?? "";
  const { seed, numRuns, numShrinks, errorInstance } = details;
  return [
    `invariants broken after ${numRuns} runs and ${numShrinks} shrinks`,
    `replay: AGENTLANE_SIM_SEED=${seed} AGENTLANE_SIM_PATH=${path} npx vitest run test/simulation/simulation.test.ts`,
    `commands: ${fc.stringify(details.counterexample)}`,
    errorInstance instanceof Error ? errorInstance.message : String(errorInstance),
  ].join("\n");
}

function describe({ invariant, at, message }: Violation): string {
  return `invariant ${invariant} at ${at}: ${message}`;
}
