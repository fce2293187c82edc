import { execFileSync, spawnSync } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test, vi } from "vitest";

// Generators and compilers start anew for each.
vi.setConfig({ testTimeout: 300_000 });

const root = fileURLToPath(new URL("..", import.meta.url));
/** A repository of its own whose only commit is the working tree. */
let copy: string;

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), "agentlane-copy-"));
  const files = execFileSync("git", ["ls-files"], { cwd: root, encoding: "utf8" });
  for (const path of files.split("\n").filter((file) => file && existsSync(join(root, file)))) {
    cpSync(join(root, path), join(copy, path), { errorOnExist: false, force: true });
  }
  // Its generator would be compiled here from nothing; `npm run check` itself has it.
  rmSync(join(copy, "sdk/rust/buf.gen.yaml"));
  for (const tools of ["node_modules", "sdk/python/.venv"]) {
    if (existsSync(join(root, tools))) symlinkSync(join(root, tools), join(copy, tools));
  }
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@localhost", ...args], {
      cwd: copy,
      stdio: "pipe",
    });
  git("init", "--quiet", "--initial-branch=main");
  appendFileSync(join(copy, ".git/info/exclude"), "/node_modules\n");
  git("add", ".");
  git("commit", "--quiet", "-m", "base");
  git("checkout", "--quiet", "--detach");
});

afterAll(() => rmSync(copy, { recursive: true, force: true }));

function check(step: string): { status: number | null; output: string } {
  const run = spawnSync(process.execPath, ["scripts/check.ts", "--only", step], {
    cwd: copy,
    encoding: "utf8",
  });
  return { status: run.status, output: run.stdout + run.stderr };
}

/** Changes a file of the copy for the length of `work`. */
function withChange(path: string, change: (text: string) => string, work: () => void): void {
  const file = join(copy, path);
  const before = readFileSync(file, "utf8");
  writeFileSync(file, change(before));
  try {
    work();
  } finally {
    writeFileSync(file, before);
  }
}

const append = (line: string) => (text: string) => `${text}${line}\n`;

test.each([
  ["types", "src/errors.ts", append('export const wrong: number = "text";')],
  ["proto lint", "proto/agentlane/v1/chunk.proto", append("message Uncommented {}")],
  ["proto format", "proto/agentlane/v1/chunk.proto", append("\n\n// X.\nmessage   Spaced {}")],
  [
    "proto breaking",
    "proto/agentlane/v1/task.proto",
    (text: string) => text.replace("string task_id = 1;", "string task_id = 111;"),
  ],
  ["generated code", "proto/agentlane/v1/chunk.proto", append("\n// New.\nmessage New {}")],
  ["generated code", "gen/agentlane/v1/chunk_pb.js", append("// edited by hand")],
  ["architecture", "src/errors.ts", append("export const now = Date.now();")],
  ["no secrets or paths", "LICENSE", append(`AKIA${"A1B2".repeat(4)}`)],
  ["lock file", "package.json", (text: string) => text.replace(/"zod": "/, '"zod": "^')],
])("the step %s fails when %s is wrong", (step, path, change) => {
  withChange(path, change, () => {
    const { status, output } = check(step);
    expect(output).toContain(`FAIL  ${step}`);
    expect(status).toBe(1);
  });
});

test("the step lint and format fails for style, for any, and for floating promises", () => {
  const wrong = [
    "export const a = 'single quotes';",
    "export const anything: any = 1;",
    "Promise.resolve(1).then(String);",
  ];
  withChange("src/errors.ts", append(wrong.join("\n")), () => {
    const { status, output } = check("lint and format");
    for (const rule of ["format", "noExplicitAny", "noFloatingPromises"]) {
      expect(output).toContain(`${rule} ━`);
    }
    expect(status).toBe(1);
  });
});

test("a detached checkout compares the contract with main, and with the last release", () => {
  expect(check("proto breaking").output).toContain("proto breaking against main (");
  execFileSync("git", ["tag", "v0.0.1"], { cwd: copy });
  expect(check("proto breaking").output).toContain("proto breaking against main and v0.0.1 (");
  execFileSync("git", ["branch", "--quiet", "-D", "main"], { cwd: copy });
  const alone = check("proto breaking");
  expect(alone.output).toContain("against HEAD and v0.0.1");
  expect(alone.status).toBe(0);
});
