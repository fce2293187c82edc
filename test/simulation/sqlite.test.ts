/** The simulation with everything in a SQLite file: the same commands, faults and checker. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createSqliteStore } from "../../src/store/sqlite/store.ts";
import { commandsArbitrary } from "./commands.ts";
import { checkHistory } from "./history-checker.ts";
import { simulate } from "./simulate.ts";

const RUN_COUNT = Number(process.env.AGENTLANE_SIM_RUNS ?? 60);
const SEED = process.env.AGENTLANE_SIM_SEED;

/** The history takes a store's work to be done in the call itself. */
const schedule = (commit: () => void): void => commit();

test(`all invariants hold in ${RUN_COUNT} random runs on SQLite`, { timeout: 0 }, async () => {
  const seed = SEED === undefined ? Date.now() & 0x7fff_ffff : Number(SEED);
  const replay = `AGENTLANE_SIM_SEED=${seed} npx vitest run test/simulation/sqlite.test.ts`;
  const runs = fc.tuple(commandsArbitrary(), fc.integer({ min: 0, max: 2 ** 31 }));
  for (const [commands, chance] of fc.sample(runs, { numRuns: RUN_COUNT, seed })) {
    const folder = mkdtempSync(join(tmpdir(), "agentlane-sqlite-"));
    const path = join(folder, "store.db");
    const history = await simulate(commands, {
      seed: chance,
      makeStore: (clock) => createSqliteStore({ path, clock, synchronous: "normal", schedule }),
    });
    rmSync(folder, { recursive: true });
    expect(checkHistory(history), replay).toEqual([]);
  }
});
