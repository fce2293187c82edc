/** A schema as an earlier release has left it. */
import { globSync, readFileSync } from "node:fs";
import { sql } from "./postgres-server.ts";

const MIGRATIONS = new URL("../../src/store/postgres/migrations/", import.meta.url);

/** Applies the first so many migrations to an empty database. */
export async function migrateTo(url: string, version: number): Promise<void> {
  await sql(
    url,
    "CREATE SCHEMA agentlane; CREATE TABLE agentlane.migrations (version integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())",
  );
  for (const name of globSync("*.sql", { cwd: MIGRATIONS }).sort().slice(0, version)) {
    await sql(url, readFileSync(new URL(name, MIGRATIONS), "utf8"));
    await sql(url, "INSERT INTO agentlane.migrations (version, name) VALUES ($1, $2)", [
      Number.parseInt(name, 10),
      name,
    ]);
  }
}
