/**
 * The image of deploy/Dockerfile, without a container engine: the files it copies, in a folder of
 * their own, run by a user that may not write there.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../harness/free-port.ts";

const dockerfile = readFileSync("deploy/Dockerfile", "utf8");
const stages = dockerfile.split(/^FROM /m).slice(1);
const last = stages.at(-1) ?? "";

/** What the last stage takes out of the repository, as [from, to]. */
const copies = [...last.matchAll(/^COPY (?!--)(.*)$/gm)].map((match): [string[], string] => {
  const words = (match[1] ?? "").split(" ");
  return [words.slice(0, -1), words.at(-1) ?? ""];
});
const command: string[] = JSON.parse(/^CMD (.*)$/m.exec(last)?.[1] ?? "[]");
const healthCheck: string[] = JSON.parse(/HEALTHCHECK[^[]*CMD (.*)$/m.exec(last)?.[1] ?? "[]");
const [user, group] = (/^USER (\d+):(\d+)$/m.exec(last) ?? []).slice(1).map(Number);

describe("the image", () => {
  let folder: string;
  let server: ChildProcess | undefined;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "agentlane-image-"));
    chmodSync(folder, 0o755);
    for (const [sources, target] of copies) {
      for (const source of sources) {
        const to = join(folder, target.endsWith("/") ? join(target, source) : target);
        mkdirSync(dirname(to), { recursive: true });
        cpSync(source, to, {
          recursive: true,
          filter: (path) => !/(^|\/)node_modules(\/|$)/.test(path),
        });
      }
    }
    symlinkSync(resolve("node_modules"), join(folder, "node_modules"));
  });

  afterAll(() => {
    server?.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });

  test("runs as somebody who is not root", () => {
    expect(user).toBeGreaterThan(0);
    expect(group).toBeGreaterThan(0);
  });

  test("is one process that gets the signals", () => {
    expect(command[0]).toBe("node");
    expect(last).toMatch(/^STOPSIGNAL SIGTERM$/m);
  });

  test("serves, is healthy, and drains, with the files that are in it", async () => {
    // Root may write anywhere, and anybody but root cannot become somebody else.
    const isRoot = process.getuid?.() === 0;
    const identity = isRoot ? { uid: user, gid: group } : {};
    // The image's own would be taken on a machine that serves already.
    const port = await freePort();
    const env = { PATH: process.env.PATH, PORT: `${port}`, NODE_ENV: "production" };
    const options = { cwd: folder, env, ...identity };
    const [, ...args] = command;
    const started = spawn(process.execPath, args, { ...options, stdio: ["ignore", "pipe", 2] });
    server = started;
    await new Promise<void>((done, fail) => {
      started.stdout?.on("data", (chunk: Buffer) => chunk.includes('"serving"') && done());
      started.once("exit", (code) => fail(new Error(`it ended with ${code}`)));
    });
    const check = (): Promise<unknown> =>
      promisify(execFile)(process.execPath, healthCheck.slice(1), options);
    await check();
    const ended = new Promise((done) => started.once("exit", done));
    started.kill("SIGTERM");
    expect(await ended).toBe(0);
    await expect(check()).rejects.toMatchObject({ code: 1 });
  });
});
