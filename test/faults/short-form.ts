/** A run that is short enough for `npm test`, of any backend. */
import { expect, test } from "vitest";
import type { Backend } from "./backends/contract.ts";
import { runFaults } from "./run.ts";
import { DEFAULT_SETTINGS, faultKindsOf } from "./settings.ts";

/** What is started, settled and checked beside the load, and what a slow machine takes longer for the faults. */
const OTHER_MS = 360_000;

/** Fewer than in the long form: other tests run beside it, and faults need no more to hit something. */
const CONVERSATION_COUNT = 20;

export interface ShortForm {
  readonly backend: Backend;
  /** False = skipped; its server is missing, which was told. */
  readonly isAvailable: boolean;
  readonly loadMs: number;
  /** Default: all of the backend but the longest, which would take a third of the run. */
  readonly kinds?: readonly string[];
}

/** To be called by a test file named after the backend. */
export function testShortForm({ backend, isAvailable, loadMs, ...wanted }: ShortForm): void {
  const all = faultKindsOf(backend).filter((kind) => kind !== "block-long");
  const { kinds = all } = wanted;
  test.skipIf(!isAvailable)(
    `the processes of ${backend.name} keep all promises under faults`,
    { timeout: loadMs + OTHER_MS },
    async ({ signal }) => {
      const seed = Number(process.env.AGENTLANE_FAULT_SEED ?? Date.now() & 0x7fff_ffff);
      const file = `test/faults/${backend.name}.test.ts`;
      const replay = `AGENTLANE_FAULT_SEED=${seed} npx vitest run ${file}`;
      console.log(`replay: ${replay}`);
      const { figures, violations, faults } = await runFaults({
        ...DEFAULT_SETTINGS,
        conversationCount: CONVERSATION_COUNT,
        backend,
        seed,
        loadMs,
        kinds,
        signal,
        print: () => undefined,
      });
      console.log(figures.join("\n"));
      // What a runner tells of arrays is cut; the message is not.
      const told = violations.map(({ invariant, message }) => `invariant ${invariant}: ${message}`);
      expect(violations, [replay, ...told.slice(0, 10)].join("; ")).toEqual([]);
      expect(kinds.filter((kind) => !faults.counts.has(kind))).toEqual([]);
    },
  );
}
