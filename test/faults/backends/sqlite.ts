/** One file, and the one process that owns it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Backend, RunningBackend } from "./contract.ts";

export const sqliteBackend: Backend = {
  name: "sqlite",
  layout: "single",
  isRemote: false,
  faultKinds: [],
  start,
};

async function start(): Promise<RunningBackend> {
  const folder = await mkdtemp(join(tmpdir(), "agentlane-faults-sqlite-"));
  const path = join(folder, "store.db");
  return {
    environment: () => ({ MESSAGE_QUEUE_TYPE: "memory", STORE_URL: `sqlite:${path}` }),
    proxies: [],
    faults: {},
    leftovers: async () => leftovers(path),
    stop: () => rm(folder, { recursive: true, force: true }),
  };
}

const COUNTS = {
  leases: "lease_ends_at IS NOT NULL",
  ready: "ready = 1",
  due: "due_at IS NOT NULL",
  unfinished: "state < 4",
};

/** Also of a file that was damaged meanwhile. */
function leftovers(path: string): Map<string, number> {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    const counts = Object.entries(COUNTS).map(([name, where]): [string, number] => {
      const row = db.prepare(`SELECT count(*) AS found FROM tasks WHERE ${where}`).get();
      return [name, Number(row?.found)];
    });
    const damages = db
      .prepare("PRAGMA integrity_check")
      .all()
      .filter((row) => row.integrity_check !== "ok");
    const orphans = db.prepare("PRAGMA foreign_key_check").all();
    return new Map([...counts, ["damages", damages.length], ["orphans", orphans.length]]);
  } finally {
    db.close();
  }
}
