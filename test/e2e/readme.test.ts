import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type ServingProcess, serve } from "../harness/process.ts";
import { findGrpcurl } from "../interop/program-clients.ts";

const root = new URL("../..", import.meta.url);
const readme = readFileSync(new URL("README.md", root), "utf8");
const shell = promisify(execFile);
const grpcurl = findGrpcurl();

/** The lines of the README's shell blocks that begin with a program. */
function commands(program: string): string[] {
  const blocks = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].map((match) => match[1] ?? "");
  return blocks
    .flatMap((block) => block.split("\n"))
    .filter((line) => line.startsWith(`${program} `));
}

let served: ServingProcess;

beforeAll(async () => {
  served = await serve();
});

afterAll(async () => {
  served.kill("SIGTERM");
  await served.exited;
});

async function copyAndPaste(line: string): Promise<string> {
  const command = line
    .replaceAll("localhost:50051", served.address)
    .replace(/^grpcurl /, `${grpcurl ?? "grpcurl"} `);
  const { stdout } = await shell("bash", ["-c", command], { cwd: root });
  return stdout;
}

describe("the README's commands work by copy and paste", () => {
  const lines = commands("grpcurl");
  const withGrpcurl = it.skipIf(!grpcurl && !process.env.CI);

  withGrpcurl.each(lines)("%s", async (line) => {
    expect(await copyAndPaste(line)).not.toBe("");
  });

  withGrpcurl("and answer what they say", async () => {
    const execute = lines.find((line) => line.endsWith("AgentService/Execute")) ?? "";
    const answer = JSON.parse(await copyAndPaste(execute));
    expect(answer.result.messages[0].content[0].text).toBe("hello");
    const stream = lines.find((line) => line.endsWith("AgentService/StreamExecute")) ?? "";
    expect(await copyAndPaste(stream)).toContain('"content": "hello"');
  });

  it.each(commands("curl"))("%s", async (line) => {
    const answer = JSON.parse(await copyAndPaste(line));
    expect(answer.result.messages[0].content[0].text).toBe("hello");
  });

  it("the example in TypeScript is the file, and runs", async () => {
    const example = readFileSync(new URL("examples/call/call.ts", root), "utf8");
    expect(readme).toContain(example.slice(example.indexOf("import ")).trim());
    const file = new URL("examples/call/call.ts", root).pathname;
    const { stdout } = await shell(process.execPath, [file, `http://${served.address}`]);
    expect(stdout).toContain("hello");
  });
});
