import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { createSqliteStore } from "../../src/store/sqlite/store.ts";
import { storeConformance } from "../conformance/store-suite.ts";
import { fakeClock } from "../fakes/fake-clock.ts";

storeConformance("the SQLite store", async () => {
  const folder = mkdtempSync(join(tmpdir(), "agentlane-sqlite-"));
  const clock = fakeClock();
  const store = createSqliteStore({ path: join(folder, "store.db"), clock });
  return {
    unitMs: 1000,
    ringsItself: false,
    async make() {
      await store.start();
      return store;
    },
    advance: (byMs) => clock.advance(byMs),
    async dispose() {
      await store.stop();
      expect(clock.timerCount).toBe(0);
      rmSync(folder, { recursive: true });
    },
  };
});
