/** Maven and a JDK, and what they make of sdk/java. */
import { execFile, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export const javaSdk = fileURLToPath(new URL("../../sdk/java", import.meta.url));

/** For people; undefined = nothing is missing. */
export function missingJava(): string | undefined {
  const javac = spawnSync("javac", ["-version"], { encoding: "utf8" });
  const version = Number(/^javac (\d+)/.exec(javac.stdout ?? "")?.[1] ?? 0);
  if (version < 17) return "a JDK of version 17 or newer is missing";
  return spawnSync("mvn", ["-version"]).status === 0 ? undefined : "mvn is missing";
}

/** Answers what Maven printed; rejects with it. */
export async function maven(...args: string[]): Promise<string> {
  const all = ["-B", "-ntp", "-f", join(javaSdk, "pom.xml"), ...args];
  const limits = { maxBuffer: 2 ** 28 };
  const done = await promisify(execFile)("mvn", all, limits).catch(({ stdout, message }) => {
    throw new Error(stdout || message);
  });
  return done.stdout;
}

/** Compiles the SDK, its tests and the scenario runner. Answers the class path of the SDK's users. */
export async function buildJava(): Promise<string> {
  const paths = ["-DincludeScope=runtime", "-Dmdep.outputFile=target/classpath"];
  await maven("-q", "test-compile", "dependency:build-classpath", ...paths);
  const libraries = readFileSync(join(javaSdk, "target/classpath"), "utf8");
  return [join(javaSdk, "target/classes"), libraries].join(delimiter);
}
