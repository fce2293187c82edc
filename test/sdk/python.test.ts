/** The Python package as its users get it: built, typed, and doing what its guides show. */
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ServingProcess, serve } from "../harness/process.ts";
import { startProgram } from "../harness/program.ts";
import { missingPython, python, pythonSdk } from "../harness/python-sdk.ts";
import { createCertificates } from "../server/certificates.ts";

const execute = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
const examples = ["sdk/python/README.md", "docs/migration.md"].flatMap((page) =>
  blocksOf(page).map((code, index) => ({ name: `${page} ${index + 1}`, code })),
);
const missing = missingPython();
if (missing !== undefined) {
  if (process.env.CI === "true") throw new Error(`the Python SDK lacks ${missing}`);
  console.warn(`skipped: the Python SDK lacks ${missing}`);
}

/** Those to be run; one that shows what was before is "py". */
function blocksOf(page: string): string[] {
  const text = readFileSync(join(root, page), "utf8");
  return [...text.matchAll(/```python\n(.*?)```/gs)].map((match) => match[1] ?? "");
}

function run(
  args: readonly string[],
  path: string,
  url = "",
): Promise<{ stdout: string; stderr: string }> {
  const { PATH, HOME } = process.env;
  const env = { PATH, HOME, PYTHONPATH: path, AGENTLANE_URL: url };
  return execute(python, args, {
    cwd: pythonSdk,
    env: { ...env, GRPC_VERBOSITY: "ERROR", PYTHONDONTWRITEBYTECODE: "1" },
    // Nothing outlives the suite for long.
    timeout: 110_000,
    killSignal: "SIGKILL",
  });
}

describe.skipIf(missing !== undefined)("the Python package", () => {
  let folder: string;
  let installed: string;
  let server: ServingProcess;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "agentlane-python-"));
    installed = join(folder, "installed");
    await run(["-m", "hatchling", "build", "-d", folder], "");
    const wheels = readdirSync(folder)
      .filter((name) => name.endsWith(".whl"))
      .map((name) => join(folder, name));
    const offline = ["--no-deps", "--no-index", "--no-compile", "--quiet"];
    await run(["-m", "pip", "install", ...offline, "--target", installed, ...wheels], "");
    server = await serve();
  }, 120_000);

  afterAll(async () => {
    server.kill("SIGTERM");
    expect(await server.exited).toBe(0);
    rmSync(folder, { recursive: true });
  });

  test("its version is the contract's, and it has what belongs to it only", () => {
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const info = `agentlane-${version}.dist-info`;
    expect(readdirSync(installed).sort()).toEqual(["agentlane", info]);
    const license = readFileSync(join(installed, info, "licenses/LICENSE"), "utf8");
    expect(license).toBe(readFileSync(join(root, "LICENSE"), "utf8"));
    const files = readdirSync(join(installed, "agentlane"));
    expect(files).toEqual(expect.arrayContaining(["py.typed", "aio", "v1"]));
    expect(files).not.toContain("__pycache__");
  });

  test("so does what it is built from", async () => {
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    const name = `agentlane-${version}`;
    const { stdout } = await execute("tar", ["-tzf", join(folder, `${name}.tar.gz`)]);
    const files = stdout.split("\n").filter((file) => !file.startsWith(`${name}/src/`));
    const own = ["LICENSE", "PKG-INFO", "README.md", "pyproject.toml"];
    // hatchling adds what tells it what not to pack.
    const wanted = own.map((file) => `${name}/${file}`);
    expect(files.filter((file) => file !== "" && !file.endsWith("/.gitignore")).sort()).toEqual(
      wanted,
    );
  });

  test.each(examples)("$name runs", async ({ name, code }) => {
    const file = join(folder, `${name.replaceAll(/\W/g, "_")}.py`);
    writeFileSync(file, code);
    const { stdout, stderr } = await run([file, `http://${server.address}`], installed);
    expect(stderr).toBe("");
    if (code.includes('"hello')) expect(stdout).toContain("hello");
    if (code.includes("6 * 7")) expect(stdout).toMatch(/42.*\n\d+ events\n/s);
    if (code.includes("nobody")) expect(stdout).toContain("NOT_FOUND AGENT_NOT_FOUND False\n");
    if (code.includes("call_started")) expect(stdout).toContain("[calculator]");
    if (code.includes("ListAgents")) {
      expect(stdout).toBe(
        "later TASK_STATE_COMPLETED\n2 messages\nchat,demo,echo,react\nCANCELLED\n",
      );
    }
    if (code.includes("one two")) expect(stdout).toContain("one two");
    if (code.includes("get_agent_instances")) expect(stdout).toContain("'echo#s1'");
  });

  test("the first examples are the files of that name", () => {
    const [blocking, awaited] = blocksOf("sdk/python/README.md");
    const file = (name: string): string => readFileSync(join(pythonSdk, "examples", name), "utf8");
    expect(blocking).toBe(file("first_steps.py"));
    expect(awaited).toBe(file("first_steps_async.py"));
  });

  test("its own tests pass", async () => {
    const tests = join(pythonSdk, "tests");
    const command = ["-W", "error", "-m", "unittest", "discover", tests];
    const { stderr } = await run(command, installed, `http://${server.address}`);
    // Nothing is skipped.
    expect(stderr).toMatch(/Ran \d\d tests in [\s\S]*\nOK\n/);
  }, 120_000);

  test("its types are complete, and the examples agree with them", async () => {
    const checked = ["src/agentlane", "examples", "scenarios", "tests", "tools"];
    await run(["-m", "mypy", ...checked], "").catch(({ stdout }) => expect.unreachable(stdout));
  }, 120_000);

  test("its code is formatted, and without known mistakes", async () => {
    for (const command of [["format", "--check"], ["check"]]) {
      const linting = run(["-m", "ruff", ...command, "--no-cache", "."], "");
      await linting.catch(({ stdout }) => expect.unreachable(stdout));
    }
  });

  test("TLS with a client's certificate", async () => {
    const { ca, server: own, client } = createCertificates();
    const pem = Object.entries({ ca, cert: own.cert, key: own.key, ...prefixed(client) });
    for (const [name, text] of pem) writeFileSync(join(folder, `${name}.pem`), text);
    const program = await startProgram(
      {},
      {
        TLS_CERT: join(folder, "cert.pem"),
        TLS_KEY: join(folder, "key.pem"),
        TLS_CLIENT_CA: join(folder, "ca.pem"),
      },
    );
    const { port } = program.runtime.server.address();
    const code = `
import sys
from pathlib import Path
from agentlane import AgentlaneError, RetryOptions, TlsOptions, connect

url, folder = sys.argv[1], Path(sys.argv[2])
ca, cert, key = ((folder / name).read_text() for name in ("ca.pem", "client_cert.pem", "client_key.pem"))
with connect(url, tls=TlsOptions(ca, cert, key)) as client:
    print(client.execute("echo", "hello").text)
with connect(url, tls=TlsOptions(ca), retry=RetryOptions(max_tries=1)) as stranger:
    try:
        stranger.get_task("t")
    except AgentlaneError as error:
        print(error.code.name)
`;
    try {
      const { stdout } = await run(["-c", code, `https://localhost:${port}`, folder], installed);
      expect(stdout).toBe("hello\nUNAVAILABLE\n");
    } finally {
      await program.stop();
    }
  });
});

function prefixed({ cert, key }: { cert: string; key: string }): Record<string, string> {
  return { client_cert: cert, client_key: key };
}
