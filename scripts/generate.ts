/**
 * Code from `proto/`: the server's by `buf.gen.yaml`, each SDK's by `sdk/<language>/buf.gen.yaml`.
 * Plugins are local, so it works offline. A template that starts with `# needs: COMMAND` is left out
 * where the command fails, with a visible line; in CI that is an error.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

export interface Template {
  /** From the repository's root. */
  readonly path: string;
  /** The folders that it writes, from the repository's root. */
  readonly folders: readonly string[];
}

/** Those that can be generated here; `skipped` is told the others, and why. */
export function templates(skipped: (line: string) => void): Template[] {
  const languages = existsSync(join(root, "sdk")) ? readdirSync(join(root, "sdk")).sort() : [];
  const paths = ["buf.gen.yaml", ...languages.map((name) => `sdk/${name}/buf.gen.yaml`)];
  return paths
    .filter((path) => existsSync(join(root, path)))
    .flatMap((path) => {
      const text = readFileSync(join(root, path), "utf8");
      const needs = /^# needs: (.+)$/m.exec(text)?.[1];
      if (needs !== undefined && spawnSync("sh", ["-c", needs], { cwd: root }).status !== 0) {
        const line = `SKIPPED: ${path}, because this fails: ${needs}`;
        if (process.env.CI === "true") throw new Error(line);
        skipped(line);
        return [];
      }
      const folders = [...text.matchAll(/^\s+out: (\S+)$/gm)].map((match) => match[1] ?? "");
      return [{ path, folders: [...new Set(folders)] }];
    });
}

/** `out`: another root for what is generated. */
export function generate({ path }: Template, out = root): void {
  const bin = join(root, "node_modules", ".bin");
  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ""}` };
  execFileSync("buf", ["generate", "--template", path, "-o", out], {
    cwd: root,
    env,
    stdio: "pipe",
  });
}

if (import.meta.main) {
  for (const template of templates(console.warn)) generate(template);
}
