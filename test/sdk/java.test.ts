/** The Java package: its own tests, what its guide shows, and its version. */
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ServingProcess, serve } from "../harness/process.ts";
import { createCertificates } from "../server/certificates.ts";
import { buildJava, javaSdk, maven, missingJava } from "./java-toolchain.ts";

const missing = missingJava();
if (missing !== undefined) console.warn(`SKIPPED: the Java SDK: ${missing}`);
const pom = readFileSync(join(javaSdk, "pom.xml"), "utf8");
const guide = readFileSync(join(javaSdk, "README.md"), "utf8");

test("its version is the contract's", () => {
  const manifest = readFileSync(join(javaSdk, "../../package.json"), "utf8");
  const { version } = JSON.parse(manifest);
  expect(/<version>(.*?)<\/version>/.exec(pom)?.[1]).toBe(version);
  expect(/<version>(.*?)<\/version>/.exec(guide)?.[1]).toBe(version);
});

test("the toolchain is there in CI", () => {
  if (process.env.CI === "true") expect(missing).toBeUndefined();
});

describe.skipIf(missing !== undefined)("with Maven", () => {
  let folder: string;
  let classPath: string;
  const servers: ServingProcess[] = [];

  async function start(environment: Record<string, string> = {}): Promise<string> {
    const server = await serve([], environment);
    servers.push(server);
    return server.address;
  }

  /** Java's source launcher compiles the one file. */
  async function runFile(path: string, url: string, libraries = classPath): Promise<string> {
    const args = ["-Xlint:all", "-Werror", "-d", folder, "-cp", libraries, path];
    execFileSync("javac", args);
    const done = await promisify(execFile)("java", ["-cp", libraries, path, url], { cwd: folder });
    return done.stdout;
  }

  function exampleOf(name: string): string {
    const blocks = [...guide.matchAll(/```java\n(.*?)```/gs)].map((match) => match[1] ?? "");
    const code = blocks.find((block) => block.includes(`\nclass ${name} {`));
    if (code === undefined) throw new Error(`the guide has no ${name}`);
    const path = join(folder, `${name}.java`);
    writeFileSync(path, code);
    return path;
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "agentlane-java-"));
    classPath = await buildJava();
  }, 300_000);

  afterAll(async () => {
    for (const server of servers) {
      server.kill("SIGTERM");
      expect(await server.exited).toBe(0);
    }
    rmSync(folder, { recursive: true });
  });

  test("its own tests pass, and it can be packed", async () => {
    const output = await maven("package");
    expect(output).toMatch(/Tests run: [1-9]\d*, Failures: 0, Errors: 0, Skipped: 0\n/);
    const version = /<version>(.*?)<\/version>/.exec(pom)?.[1];
    const names = readdirSync(join(javaSdk, "target"));
    expect(names).toContain(`agentlane-${version}.jar`);
  }, 600_000);

  test("the guide's first steps run", async () => {
    const output = await runFile(exampleOf("FirstSteps"), `http://${await start()}`);
    expect(output).toMatch(
      /^hello\n\[calculator\].*42.*\n\d+ events\nNOT_FOUND AGENT_NOT_FOUND false\n$/s,
    );
  }, 120_000);

  test("everything else in the guide runs, also without OpenTelemetry", async () => {
    const isWanted = (path: string): boolean => !path.includes("opentelemetry");
    const libraries = classPath.split(delimiter).filter(isWanted).join(delimiter);
    expect(libraries).not.toBe(classPath);
    const output = await runFile(exampleOf("EverythingElse"), `http://${await start()}`, libraries);
    expect(output).toBe("later TASK_STATE_COMPLETED\nsoon\n2 messages\nchat\ndemo\necho\nreact\n");
  }, 120_000);

  test("the guide's connection runs: TLS with a client's certificate", async () => {
    const { ca, server, client } = createCertificates();
    const file = (name: string, pem: string): string => {
      writeFileSync(join(folder, name), pem);
      return join(folder, name);
    };
    file("client.pem", client.cert);
    file("client.key", client.key);
    const address = await start({
      TLS_CERT: file("server.pem", server.cert),
      TLS_KEY: file("server.key", server.key),
      TLS_CLIENT_CA: file("ca.pem", ca),
    });
    const url = `https://localhost:${address.split(":").at(-1)}`;
    expect(await runFile(exampleOf("Connecting"), url)).toBe("hello\n");
  }, 120_000);

  test("the example runs", async () => {
    const path = join(javaSdk, "examples/Chat.java");
    const args = ["-cp", classPath, path, `http://${await start()}`, "echo"];
    const running = promisify(execFile)("java", args);
    running.child.stdin?.end("one two\nthree\n");
    expect((await running).stdout).toBe("one two\nthree\n");
  }, 120_000);
});
