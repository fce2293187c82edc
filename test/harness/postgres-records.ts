/** All rows of a store in PostgreSQL. */
import { sql } from "./postgres-server.ts";

/** Of what no tenant's data is in. */
const FIGURES: readonly string[] = ["counts", "clock_shift", "migrations"];

export async function recordsOf(url: string, schema = "agentlane"): Promise<string[]> {
  const tables = await sql(
    url,
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = $1 AND table_type = 'BASE TABLE'",
    [schema],
  );
  const lines: string[] = [];
  for (const { name } of tables) {
    const label = FIGURES.includes(String(name)) ? "figures" : "row";
    const rows = await sql(url, `SELECT row_to_json(r)::text AS row FROM "${schema}"."${name}" r`);
    for (const { row } of rows) lines.push(`${label} ${name} ${readable(String(row))}`);
  }
  return lines;
}

/** Bytes are in hexadecimal there. */
function readable(row: string): string {
  return row.replace(/\\\\x([0-9a-f]*)/g, (_, digits: string) => {
    return Buffer.from(digits, "hex").toString("latin1");
  });
}
