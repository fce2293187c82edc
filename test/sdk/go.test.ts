/** The Go module as its users get it, its README's programs, and its own tests. */
import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ServingProcess, serve } from "../harness/process.ts";
import { missingGo } from "./runners/go.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const sdk = join(root, "sdk/go");
const readme = readFileSync(join(sdk, "README.md"), "utf8");
const programs = blocksOf("go");
/** What is not in the module cache yet is fetched, and everything is compiled, once. */
const BUILD_LIMIT_MS = 600_000;

const hasGo = ((): boolean => {
  const missing = missingGo();
  if (missing === undefined) return true;
  if (process.env.CI === "true") throw new Error(missing);
  console.warn(`SKIPPED: ${missing}; the tests of sdk/go do not run`);
  return false;
})();

function blocksOf(language: string): string[] {
  const blocks = readme.matchAll(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, "gs"));
  return [...blocks].map((match) => match[1] ?? "");
}

/** Answers with what it printed; rejects with that, too. */
async function run(folder: string, command: string, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(command, args, { cwd: folder }).catch((error) =>
    expect.unreachable(`${command} ${args.join(" ")}\n${error.stdout}\n${error.stderr}`),
  );
  return stdout;
}

test("its version is the contract's", () => {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const source = readFileSync(join(sdk, "connect.go"), "utf8");
  const runner = readFileSync(join(sdk, "scenarios/go.mod"), "utf8");
  expect(/^const Version = "(.*)"$/m.exec(source)?.[1]).toBe(version);
  expect(/^\s*agentlane v(\S+)$/m.exec(runner)?.[1]).toBe(version);
  expect(/go get agentlane@v(\S+)$/m.exec(readme)?.[1]).toBe(version);
  expect(/tag `sdk\/go\/v(\S+)`/.exec(readme)?.[1]).toBe(version);
});

test("the example is the README's first program", () => {
  const [comment = "", ...lines] = readFileSync(join(sdk, "example/main.go"), "utf8").split("\n");
  expect(comment).toMatch(/^\/\//);
  expect(lines.join("\n")).toBe(programs[0]);
});

describe.skipIf(!hasGo)("with Go", () => {
  test(
    "its own tests pass, also under the race detector",
    async () => {
      expect(await run(sdk, "gofmt", "-l", ".")).toBe("");
      await run(sdk, "go", "vet", "./...");
      await run(join(sdk, "scenarios"), "go", "vet", "./...");
      const hasCgo = execFileSync("go", ["env", "CGO_ENABLED"], { cwd: sdk }).toString() === "1\n";
      if (!hasCgo && process.env.CI === "true") throw new Error("the race detector needs cgo");
      if (!hasCgo) console.warn("SKIPPED: there is no cgo, and so no race detector");
      await run(sdk, "go", "test", "-count=1", ...(hasCgo ? ["-race"] : []), "./...");
    },
    BUILD_LIMIT_MS,
  );

  describe("the README's programs", () => {
    let folder: string;
    let server: ServingProcess;

    /** A program beside a checkout, made by the README's own commands. */
    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "agentlane-go-"));
      symlinkSync(root, join(folder, "agentlane"));
      programs.forEach((code, index) => {
        mkdirSync(join(folder, `app/program${index}`), { recursive: true });
        writeFileSync(join(folder, `app/program${index}/main.go`), code);
      });
      const app = join(folder, "app");
      await run(app, "go", "mod", "init", "app");
      await run(app, "sh", "-ec", blocksOf("sh")[0] ?? "false");
      await run(app, "go", "vet", "./...");
      await run(app, "go", "build", "-o", "built/", "./...");
      server = await serve();
    }, BUILD_LIMIT_MS);

    afterAll(async () => {
      server?.kill("SIGTERM");
      expect(await server?.exited).toBe(0);
      rmSync(folder, { recursive: true });
    });

    test.each([
      {
        index: 0,
        prints: /^hello\n.*\[calculator\].*42.*\n\d+ events\nNotFound AGENT_NOT_FOUND false\n$/s,
      },
      { index: 1, prints: /^$/ },
      {
        index: 2,
        prints: /^later TASK_STATE_COMPLETED\n2 messages\nchat\ndemo\necho\nreact\n$/,
      },
    ])("program $index prints what it should", async ({ index, prints }) => {
      const program = join(folder, `app/built/program${index}`);
      expect(await run(folder, program, `http://${server.address}`)).toMatch(prints);
    });

    test("no program is left out", () => expect(programs).toHaveLength(3));
  });
});
