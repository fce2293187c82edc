/**
 * `npm run test:sdk -- [--only typescript,python] [--case TEXT]`: every case through every SDK, as a
 * table of case × column. Ends with `N passed, N failed`; exit code 1 when something failed.
 */
import { parseArgs } from "node:util";
import { createColumn } from "./column.ts";
import { type Installation, startInstallation } from "./installation.ts";
import { loadRunners, type Runner } from "./runner.ts";
import { loadScenarios } from "./scenario-file.ts";

const { values } = parseArgs({
  options: { only: { type: "string", default: "" }, case: { type: "string", default: "" } },
});
const isCi = process.env.CI === "true";
const scenarios = loadScenarios().filter(({ name }) => name.includes(values.case));
const results = new Map<string, Map<string, boolean>>();
const problems: string[] = [];

/** Columns at a time: their cases mostly wait. */
const WIDTH = 4;

const waiting = await loadRunners(values.only.split(",").filter(Boolean));
await Promise.all(Array.from({ length: Math.min(WIDTH, waiting.length) }, runColumns));
printTable();
for (const problem of problems) console.log(`\n${problem}`);
const outcomes = [...results.values()].flatMap((column) => [...column.values()]);
const passed = outcomes.filter(Boolean).length;
const failed = outcomes.length - passed;
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = problems.length > 0 || scenarios.length === 0 ? 1 : 0;

/** On an installation of its own: cases end and start servers. */
async function runColumns(): Promise<void> {
  const installation = await startInstallation();
  try {
    for (let runner = waiting.shift(); runner; runner = waiting.shift()) {
      await runColumn(installation, runner);
    }
  } finally {
    await installation.stop().catch((error: unknown) => problems.push(`FAILED: ${error}`));
  }
}

async function runColumn(installation: Installation, runner: Runner): Promise<void> {
  const missing = runner.missing();
  if (missing !== undefined) {
    console.log(`SKIPPED: ${runner.name}: ${missing}`);
    if (isCi) fail(runner, "its toolchain", missing);
    return;
  }
  try {
    await runner.prepare?.();
  } catch (error) {
    fail(runner, "build", error instanceof Error ? error.message : String(error));
    return;
  }
  const column = await createColumn(installation, runner);
  const passes = resultsOf(runner);
  const startedAt = performance.now();
  for (const scenario of scenarios) {
    try {
      await column.run(scenario);
      passes.set(scenario.name, true);
    } catch (error) {
      fail(runner, scenario.name, error instanceof Error ? error.message : String(error));
    }
  }
  await column.stop();
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(
    `${runner.name}: ${[...passes.values()].filter(Boolean).length} of ${passes.size} cases in ${seconds} s`,
  );
}

function resultsOf({ name }: Runner): Map<string, boolean> {
  const passes = results.get(name) ?? new Map<string, boolean>();
  results.set(name, passes);
  return passes;
}

function fail(runner: Runner, what: string, reason: string): void {
  resultsOf(runner).set(what, false);
  problems.push(`FAILED: ${runner.name}: ${reason.includes(what) ? "" : `${what}: `}${reason}`);
}

function printTable(): void {
  const columns = [...results.keys()].sort();
  const rows = new Set([...results.values()].flatMap((column) => [...column.keys()]));
  const width = Math.max(...[...rows].map(({ length }) => length), 4);
  const cell = (text: string, index: number): string => text.padEnd(columns[index]?.length ?? 0);
  console.log(`\n${["case".padEnd(width), ...columns].join(" | ")}`);
  console.log(["-".repeat(width), ...columns.map(({ length }) => "-".repeat(length))].join(" | "));
  for (const row of rows) {
    const cells = columns.map((column, index) => {
      const pass = results.get(column)?.get(row);
      return cell(pass === undefined ? "" : pass ? "ok" : "FAIL", index);
    });
    console.log([row.padEnd(width), ...cells].join(" | "));
  }
}
