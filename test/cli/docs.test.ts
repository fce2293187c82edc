/** docs/cli.md and the README's table of commands: every command is run as it is written. */
import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { AccessRole, connect } from "../../sdk/typescript/src/node.ts";
import { OPERATOR_COMMANDS } from "../../src/cli/operator-commands.ts";
import { PROCESS_COMMANDS } from "../../src/main-commands.ts";
import { type Program, startProgram } from "../harness/program.ts";

// Many processes, each of which takes a second and more on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const page = read("docs/cli.md");
const lines = [...page.matchAll(/```sh\n(.*?)```/gs)].flatMap(([, block = ""]) =>
  block.trim().split("\n"),
);

let program: Program;
let folder: string;
let environment: Record<string, string | undefined>;

/** `agentlane` on the PATH, and something for each example to be about. */
beforeAll(async () => {
  program = await startProgram();
  folder = mkdtempSync(join(tmpdir(), "agentlane-cli-docs-"));
  const main = new URL("../../src/main.ts", import.meta.url).pathname;
  const path = join(folder, "agentlane");
  writeFileSync(path, `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
  chmodSync(path, 0o755);
  const client = connect(program.baseUrl);
  const { taskId } = await client.execute({ agentId: "demo", sessionId: "s1", text: "12 * 34" });
  const { task } = await client.submit({
    ...{ agentId: "echo", text: "x", maxAttempts: 1, configurable: { failAttempts: 1 } },
  });
  const dead = task?.taskId ?? "";
  for await (const _ of client.watch(dead));
  const { key } = await client.admin.createApiKey({
    ...{ name: "docs", tenant: "docs", roles: [AccessRole.READ] },
  });
  client.close();
  environment = {
    ...{ PATH: `${folder}:${process.env.PATH}`, HOME: folder },
    ...{ AGENTLANE_URL: program.baseUrl, TASK: taskId, DEAD: dead, KEY: key?.keyId },
  };
});

afterAll(async () => {
  await program.stop();
  rmSync(folder, { recursive: true });
});

const hasJq = await promisify(execFile)("jq", ["--version"]).then(
  () => true,
  () => false,
);

test.each(lines)("%s", async (line) => {
  if (line.includes("| jq") && !hasJq) {
    console.warn("skipped: jq is missing");
    return;
  }
  const command = `set -o pipefail; ${line}`;
  const options = { env: environment, cwd: folder };
  const { stderr } = await promisify(execFile)("bash", ["-c", command], options);
  expect(stderr).not.toContain("agentlane: ");
});

test("every command has its line in the README, in the words of the table", () => {
  const readme = read("README.md");
  for (const { name, summary } of [...PROCESS_COMMANDS, ...OPERATOR_COMMANDS]) {
    expect(readme).toMatch(new RegExp(`^\\| .*\`agentlane ${name}[ \`]`, "m"));
    expect(summary).toMatch(/^[A-Z].*[^.]$/);
  }
});

test("the page names every command", () => {
  for (const { name } of [...PROCESS_COMMANDS, ...OPERATOR_COMMANDS]) {
    const shown = name.replace(/ list$/, "");
    if (!["serve", "migrate", "config", "version"].includes(name)) {
      expect(page).toContain(`agentlane ${shown}`);
    }
  }
});
