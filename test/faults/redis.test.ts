/** The short form of `npm run test:faults -- --only redis`. */
import { expect, test } from "vitest";
import { hasRedis } from "../harness/redis-server.ts";
import { runFaults } from "./run.ts";
import { DEFAULT_SETTINGS, FAULT_KINDS } from "./settings.ts";

const LOAD_MS = 45_000;
/** It would take a third of the run; the long form has it. */
const kinds = FAULT_KINDS.filter((kind) => kind !== "block-long");

test.skipIf(!hasRedis)(
  "gateways and workers on Redis keep all promises under faults",
  {
    timeout: 170_000,
  },
  async ({ signal }) => {
    const seed = Number(process.env.AGENTLANE_FAULT_SEED ?? Date.now() & 0x7fff_ffff);
    const replay = `AGENTLANE_FAULT_SEED=${seed} npx vitest run test/faults/redis.test.ts`;
    console.log(`replay: ${replay}`);
    const { figures, violations, faults } = await runFaults({
      ...DEFAULT_SETTINGS,
      seed,
      loadMs: LOAD_MS,
      kinds,
      signal,
      print: () => undefined,
    });
    console.log(figures.join("\n"));
    expect(violations, replay).toEqual([]);
    expect(kinds.filter((kind) => !faults.counts.has(kind))).toEqual([]);
  },
);
