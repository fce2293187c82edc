/**
 * `npm run bench`: the comparisons of the performance guide, ours and the peer in alternating
 * rounds of one run, because only ratios of one run count.
 *
 *   --only TEXT    cases of the group (memory, redis, rabbitmq, postgres, sqlite, telemetry, fairness,
 *                  encryption), or whose name contains it
 *   --seconds N    length of a round of one side (default 2)
 *   --rounds N     rounds of each side (default 5)
 *   --long         the sizes that take minutes and gigabytes
 *   --json FILE    also writes the rows as JSON
 */
import { writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { parseArgs } from "node:util";
import type { Effort, Row } from "./compare.ts";
import { encryptionCases } from "./encryption-cases.ts";
import { fairnessCases } from "./fairness-cases.ts";
import { memoryCases } from "./memory-cases.ts";
import { postgresCases } from "./postgres-cases.ts";
import { rabbitmqCases } from "./rabbitmq-cases.ts";
import { redisCases } from "./redis-cases.ts";
import { sqliteCases } from "./sqlite-cases.ts";
import { telemetryCases } from "./telemetry-cases.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    seconds: { type: "string", default: "2" },
    rounds: { type: "string", default: "5" },
    long: { type: "boolean", default: false },
    json: { type: "string" },
  },
});

const effort: Effort = {
  seconds: Number(values.seconds),
  rounds: Number(values.rounds),
  long: values.long,
};
const cases = [
  ...memoryCases,
  ...redisCases,
  ...rabbitmqCases,
  ...postgresCases,
  ...sqliteCases,
  ...fairnessCases,
  ...telemetryCases,
  ...encryptionCases,
].filter(({ group, name }) => group === values.only || name.includes(values.only));
if (cases.length === 0) throw new Error(`no case contains "${values.only}"`);

const rows: Row[] = [];
console.log(
  `${new Date().toISOString()} · Node ${process.version} · ${cpus().length} × ${cpus()[0]?.model ?? "?"} · ${Math.round(totalmem() / 2 ** 30)} GiB · rounds of ${effort.seconds} s × ${effort.rounds}\n`,
);
console.log("| case | unit | ours | peer | ratio | target |\n|---|---|---|---|---|---|");
let failed = 0;
for (const { name, run } of cases) {
  try {
    rows.push(...(await run(effort, (row) => console.log(line(row)))));
  } catch (error) {
    failed += 1;
    console.error(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(rows, null, 2)}\n`);
process.exitCode = failed > 0 ? 1 : 0;

function line(row: Row): string {
  const figure = (value: number) =>
    value >= 100 ? Math.round(value).toLocaleString("en") : value.toFixed(2);
  return `| ${row.case} | ${row.unit} | ${figure(row.ours)} | ${figure(row.peer)} | ${row.ratio.toFixed(2)} | ${row.target} |${row.note ? ` ${row.note}` : ""}`;
}
