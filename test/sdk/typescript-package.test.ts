/** The package as its users get it: what the guides show is type-checked and run against it. */
import { execFile } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "vite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type ServingProcess, serve } from "../harness/process.ts";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
const sdk = join(root, "sdk/typescript");
const tsc = join(root, "node_modules/typescript/bin/tsc");
const examples = ["sdk/typescript/README.md", "docs/migration.md"].flatMap((page) =>
  blocksOf(page).map((code, index) => ({ name: `${page} ${index + 1}`, code })),
);

let folder: string;
let server: ServingProcess;

function blocksOf(page: string): string[] {
  const text = readFileSync(join(root, page), "utf8");
  return [...text.matchAll(/```ts\n(.*?)```/gs)].map((match) => match[1] ?? "");
}

function manifestOf(path: string): { version: string; files: string[]; exports: object } {
  return JSON.parse(readFileSync(join(root, path), "utf8"));
}

/** A project with the package as it is published, and one file for each example. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "agentlane-package-"));
  const installed = join(folder, "node_modules/@agentlane/sdk");
  mkdirSync(installed, { recursive: true });
  await run("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: sdk });
  const { version } = manifestOf("sdk/typescript/package.json");
  const packed = join(folder, `agentlane-sdk-${version}.tgz`);
  await run("tar", ["-xzf", packed, "-C", installed, "--strip-components=1"]);
  for (const name of ["@bufbuild", "@connectrpc", "@grpc", "@opentelemetry", "@types"]) {
    symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
  }
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  const compilerOptions = { module: "nodenext", target: "es2024", strict: true, noEmit: true };
  const config = {
    compilerOptions: { ...compilerOptions, types: ["node"], lib: ["es2024", "dom"] },
  };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  examples.forEach(({ code }, index) => {
    writeFileSync(join(folder, `example-${index}.ts`), code);
  });
  server = await serve();
}, 120_000);

afterAll(async () => {
  server.kill("SIGTERM");
  expect(await server.exited).toBe(0);
  rmSync(folder, { recursive: true });
});

test("its types are complete, and the examples agree with them", async () => {
  await run(process.execPath, [tsc, "-p", folder]).catch(({ stdout }) =>
    expect.unreachable(stdout),
  );
}, 120_000);

test.each(examples.map((example, index) => ({ ...example, index })))(
  "$name runs",
  async ({ code, index }) => {
    const { stdout } = await run(
      process.execPath,
      [`example-${index}.ts`, `http://${server.address}`],
      { cwd: folder },
    );
    if (code.includes('text: "hello"') || code.includes('message: "hello"'))
      expect(stdout).toContain("hello");
    if (code.includes("6 * 7"))
      expect(stdout).toMatch(/\[calculator\].*42.*\d+ events\nNOT_FOUND AGENT_NOT_FOUND false/s);
    if (code.includes("listAgents"))
      expect(stdout).toContain("later COMPLETED\n2 messages\nchat,demo,echo,react");
    if (code.includes("one two")) expect(stdout).toContain("one");
    if (code.includes("in a browser")) expect(stdout).toContain("browser");
  },
);

test("a browser's bundle has nothing of Node in it", async () => {
  const entry = join(folder, "page.ts");
  writeFileSync(entry, 'export { connect } from "@agentlane/sdk";\n');
  const built = await build({
    root: folder,
    configFile: false,
    logLevel: "silent",
    build: { write: false, lib: { entry, formats: ["es"] } },
  });
  const code = JSON.stringify(built);
  expect(code).toContain("application/grpc-web");
  expect(code).not.toMatch(/node:|__vite-browser-external|connect-node|grpc-js\b/);
});

test("its version is the contract's, and what it exports is in it", () => {
  const manifest = manifestOf("sdk/typescript/package.json");
  expect(manifest.version).toBe(manifestOf("package.json").version);
  for (const path of JSON.stringify(manifest.exports).match(/\.\/dist\/[\w.-]+/g) ?? []) {
    expect(readFileSync(join(folder, "node_modules/@agentlane/sdk", path), "utf8")).not.toBe("");
  }
  const names = readdirSync(join(folder, "node_modules/@agentlane/sdk")).sort();
  expect(names).toEqual(["LICENSE", "README.md", "dist", "gen", "package.json"]);
});
