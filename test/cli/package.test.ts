/** What `npm run build` makes runs without the sources: it is what is published. */
import { execFile, execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { startProgram } from "../harness/program.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

test("the built command line calls a server, apart from the clone", async () => {
  const folder = mkdtempSync(join(tmpdir(), "agentlane-package-"));
  const program = await startProgram();
  try {
    execFileSync("npm", ["run", "-s", "build"], { cwd: root, stdio: "inherit" });
    for (const name of ["dist", "gen", "package.json"]) {
      cpSync(join(root, name), join(folder, name), { recursive: true });
    }
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    const run = (args: string[]): Promise<string> =>
      new Promise((resolve, reject) => {
        const environment = { PATH: process.env.PATH, AGENTLANE_URL: program.baseUrl };
        const words = [join(folder, "dist", "main.js"), ...args];
        const child = execFile(process.execPath, words, { env: environment }, (error, output) =>
          error ? reject(error) : resolve(output),
        );
        child.stdin?.end("hello there\n");
      });
    expect(await run(["version"])).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(JSON.parse(await run(["status", "--json"]))).toMatchObject({
      taskManager: { taskManagerRunning: true },
    });
    expect(await run(["chat", "echo"])).toBe("hello there\n");
  } finally {
    await program.stop();
    rmSync(folder, { recursive: true });
  }
}, 300_000);
