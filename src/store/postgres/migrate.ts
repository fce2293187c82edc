/** Brings the schema up to date: migrations/ in order, in one transaction, one process at a time. */
import { globSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import type { Client } from "pg";
import { invalidField } from "../../errors.ts";
import { misconfigured } from "./errors.ts";
import { onConnection } from "./server-check.ts";
import { inSchema } from "./statements.ts";

export type Migrate = "auto" | "manual";

export const DEFAULT_SCHEMA = "agentlane";

export interface SchemaOptions {
  readonly url: string;
  readonly schema: string;
  readonly migrate: Migrate;
}

interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}

export function schemaName(schema: string): string {
  if (/^[a-z][a-z0-9_]{0,62}$/.test(schema)) return schema;
  throw invalidField(
    "POSTGRES_SCHEMA",
    "must be 1 to 63 lower-case letters, digits and underscores, a letter first",
  );
}

/** Leaves a schema of this release alone, updates or refuses an older one, refuses a newer one. */
export async function prepareSchema({ url, schema, migrate }: SchemaOptions): Promise<void> {
  const migrations = readMigrations();
  const version = await onConnection(url, (client) => versionOf(client, schema));
  if (!isBehind(version, migrations)) return;
  if (migrate === "manual") {
    throw misconfigured(
      `the schema ${schema} is at version ${version} and this release needs ${latest(migrations)}; ` +
        "run `agentlane migrate` with a user that may create tables, or set POSTGRES_MIGRATE=auto",
    );
  }
  await migrateSchema({ url, schema });
}

/** What `agentlane migrate` does; answers the version before and after. */
export async function migrateSchema({ url, schema }: Omit<SchemaOptions, "migrate">) {
  const migrations = readMigrations();
  const to = latest(migrations);
  const from = await onConnection(url, async (client) => {
    await client.query("BEGIN");
    // Another process that starts now waits here, and finds the work done.
    await client.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [
      `agentlane migrations of ${schema}`,
    ]);
    const version = await versionOf(client, schema);
    if (!isBehind(version, migrations)) {
      await client.query("ROLLBACK");
      return version;
    }
    await client.query(`CREATE SCHEMA IF NOT EXISTS "${schema}"`);
    await client.query(
      `CREATE TABLE IF NOT EXISTS "${schema}".migrations (version integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`,
    );
    for (const migration of migrations.filter((each) => each.version > version)) {
      await client.query(inSchema(migration.sql, schema));
      await client.query(`INSERT INTO "${schema}".migrations (version, name) VALUES ($1, $2)`, [
        migration.version,
        migration.name,
      ]);
    }
    await client.query("COMMIT");
    return version;
  });
  return { from, to };
}

/** 0 without a schema. */
async function versionOf(client: Client, schema: string): Promise<number> {
  const table = `"${schema}".migrations`;
  const { rows } = await client.query("SELECT to_regclass($1) IS NOT NULL AS known", [table]);
  if (!rows[0].known) return 0;
  const found = await client.query(`SELECT max(version) AS version FROM ${table}`);
  return found.rows[0].version ?? 0;
}

function isBehind(version: number, migrations: readonly Migration[]): boolean {
  if (version <= latest(migrations)) return version < latest(migrations);
  throw misconfigured(
    `the schema is at version ${version}, newer than this release, which knows ${latest(migrations)}; run the release that made it`,
  );
}

function latest(migrations: readonly Migration[]): number {
  return migrations.at(-1)?.version ?? 0;
}

function readMigrations(): Migration[] {
  const folder = fileURLToPath(new URL("./migrations/", import.meta.url));
  return globSync("*.sql", { cwd: folder })
    .sort()
    .map((file) => {
      const name = basename(file, ".sql");
      return {
        version: Number.parseInt(name, 10),
        name,
        sql: readFileSync(`${folder}${file}`, "utf8"),
      };
    });
}
