import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect } from "vitest";
import { createSqliteStore } from "../../src/store/sqlite/store.ts";
import { storeConformance } from "../conformance/store-suite.ts";
import { fakeClock } from "../fakes/fake-clock.ts";

function rowsOf(path: string): string[] {
  const db = new DatabaseSync(path, { readOnly: true });
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
  const lines = tables.flatMap(({ name }) => {
    const label = name === "queues" || name === "counters" ? "figures" : "row";
    const rows = db.prepare(`SELECT * FROM ${name}`).all();
    return rows.map((row) => `${label} ${name} ${Object.values(row).map(readable).join("|")}`);
  });
  db.close();
  return lines;
}

function readable(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString("latin1") : String(value);
}

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
    dump: async () => rowsOf(join(folder, "store.db")),
    async dispose() {
      await store.stop();
      expect(clock.timerCount).toBe(0);
      rmSync(folder, { recursive: true });
    },
  };
});
