/** The Rust SDK: its own tests, and the package as its users get it. */
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ServingProcess, serve } from "../harness/process.ts";
import { createCertificates } from "../server/certificates.ts";
import { cargo, missingCargo } from "./runners/rust.ts";

const sdk = fileURLToPath(new URL("../../sdk/rust/", import.meta.url));
/** A first build is of a hundred crates. */
const BUILD_LIMIT_MS = 900_000;
/** Other tests run meanwhile. */
const beside = { CARGO_BUILD_JOBS: "1" };
const packageOptions = ["--package", "agentlane", "--all-features"];
const missing = missingCargo();
if (missing !== undefined)
  console.warn(`SKIPPED: ${missing}; the tests of the Rust SDK do not run`);

function read(path: string): string {
  return readFileSync(join(sdk, path), "utf8");
}

function blocksOf(page: string, language: string): string[] {
  const found = read(page).matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "gs"));
  return [...found].map((match) => match[1] ?? "");
}

test("its version is the contract's", () => {
  const contract = JSON.parse(read("../../package.json"));
  const version = /^version = "(.+)"$/m.exec(read("Cargo.toml"))?.[1];
  expect(version).toBe(contract.version);
  expect(read("Cargo.lock")).toContain(`name = "agentlane"\nversion = "${version}"\n`);
  expect(read("README.md")).toContain(`agentlane = "${version?.replace(/\.\d+$/, "")}"`);
});

describe.skipIf(missing !== undefined && !process.env.CI)("the crate", () => {
  let folder: string;
  let server: ServingProcess;
  let secure: ServingProcess;

  beforeAll(async () => {
    const { ca, server: own, client } = createCertificates();
    folder = mkdtempSync(join(tmpdir(), "agentlane-rust-"));
    const files = { ca, cert: own.cert, key: own.key, "client-cert": client.cert };
    for (const [name, pem] of Object.entries({ ...files, "client-key": client.key })) {
      writeFileSync(join(folder, name), pem);
    }
    server = await serve();
    secure = await serve([], {
      TLS_CERT: join(folder, "cert"),
      TLS_KEY: join(folder, "key"),
      TLS_CLIENT_CA: join(folder, "ca"),
    });
    await cargo(["test", "--no-run", ...packageOptions], beside);
  }, BUILD_LIMIT_MS);

  afterAll(async () => {
    for (const process of [server, secure]) {
      process.kill("SIGTERM");
      expect(await process.exited).toBe(0);
    }
    rmSync(folder, { recursive: true });
  });

  test(
    "its own tests pass",
    async () => {
      const output = await cargo(["test", ...packageOptions], beside);
      expect(output).toMatch(/test result: ok\. [1-9]\d* passed/);
    },
    BUILD_LIMIT_MS,
  );

  test(
    "its tests against a server pass",
    async () => {
      const env = {
        ...beside,
        AGENTLANE_URL: `http://${server.address}`,
        AGENTLANE_TLS_URL: `https://localhost:${secure.address.split(":").pop()}`,
        AGENTLANE_TLS_CA: join(folder, "ca"),
        AGENTLANE_TLS_CERT: join(folder, "client-cert"),
        AGENTLANE_TLS_KEY: join(folder, "client-key"),
      };
      const args = ["test", ...packageOptions, "--test", "server", "--", "--ignored"];
      expect(await cargo(args, env)).toMatch(/test result: ok\. 3 passed/);
    },
    BUILD_LIMIT_MS,
  );

  const examples = ["first_steps", "connecting", "everything_else"];

  test("what the guide shows are the examples", () => {
    const shown = examples.map((name) => read(`examples/${name}.rs`));
    expect(blocksOf("README.md", "rust")).toEqual(shown);
  });

  test.each(examples)("the example %s runs", async (name) => {
    const url = `http://${server.address}`;
    const { stdout } = await promisify(execFile)(join(sdk, "target/debug/examples", name), [url]);
    if (name === "first_steps")
      expect(stdout).toMatch(
        /hello\n.*\[calculator\].*42.*\d+ events\nNOT_FOUND AGENT_NOT_FOUND false/s,
      );
    if (name === "everything_else")
      expect(stdout).toContain("later TASK_STATE_COMPLETED\n2 messages\nchat,demo,echo,react");
  });

  const hasLinters = ["fmt", "clippy"].every(
    (name) => spawnSync("cargo", [name, "--version"]).status === 0,
  );
  if (missing === undefined && !hasLinters)
    console.warn("SKIPPED: rustfmt or clippy is missing; the Rust SDK is not linted");

  test.skipIf(!hasLinters)(
    "it is formatted, and its lints are clean",
    async () => {
      await cargo(["fmt", "--all", "--check"]);
      const everything = ["--workspace", "--all-targets", "--all-features"];
      await cargo(["clippy", ...everything, "--", "-Dwarnings"], beside);
    },
    BUILD_LIMIT_MS,
  );

  test(
    "it can be published, and nothing of the tests is in it",
    async () => {
      const files = (await cargo(["package", "--list", "--allow-dirty"])).split("\n");
      expect(files).toContain("gen/agentlane.v1.rs");
      expect(files).toContain("LICENSE");
      expect(files.filter((path) => /^(scenarios|codegen|tests)\//.test(path))).toEqual([]);
      await cargo(["package", "--package", "agentlane", "--allow-dirty", "--no-verify"]);
      // Cargo's own check would build every dependency anew, with fewer features than all else here.
      const packed = mkdtempSync(join(folder, "packed-"));
      const crate = `agentlane-${/^version = "(.+)"$/m.exec(read("Cargo.toml"))?.[1]}`;
      await promisify(execFile)("tar", [
        ...["-xzf", join(sdk, "target/package", `${crate}.crate`)],
        ...["-C", packed],
      ]);
      const manifest = ["--manifest-path", join(packed, crate, "Cargo.toml")];
      await cargo(["check", ...manifest, "--all-targets", "--all-features"], beside);
    },
    BUILD_LIMIT_MS,
  );
});
