/** Prometheus's own checker of rules and expressions; Debian's package `prometheus` has it. */
import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** In CI a missing tool fails; locally it is skipped with one visible line. */
export const hasPromtool: boolean = (() => {
  if (spawnSync("promtool", ["--version"]).status === 0) return true;
  if (process.env.CI === "true") throw new Error("promtool is missing (Debian: prometheus)");
  console.warn("promtool is missing: tests of alert rules and dashboards are skipped");
  return false;
})();

/** What it complains about; empty = nothing. */
export async function promtool(...args: string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile("promtool", args, (error, stdout, stderr) => {
      resolve(error ? `${stdout}${stderr}` : "");
    });
  });
}

/** Whether PromQL takes all of them; what is wrong otherwise. */
export async function checkExpressions(expressions: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "promql-"));
  const rules = expressions.map((expr, index) => ({ record: `checked:${index}`, expr }));
  const path = join(folder, "rules.yaml");
  await writeFile(path, JSON.stringify({ groups: [{ name: "checked", rules }] }));
  const complaints = await promtool("check", "rules", path);
  await rm(folder, { recursive: true });
  return complaints;
}
