import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { callGrpc, EXECUTE, enveloped, postJson } from "./raw.ts";

const MIB = 1024 * 1024;

let child: ChildProcess;
let port: number;

beforeEach(async () => {
  const script = new URL("serve-child.ts", import.meta.url);
  child = fork(script, { execArgv: [] });
  ({ port } = z.object({ port: z.number() }).parse((await once(child, "message"))[0]));
});
afterEach(async () => {
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
});

async function peakRssBytes(): Promise<number> {
  const answered = once(child, "message");
  child.send("peak");
  return z.object({ peakRssBytes: z.number() }).parse((await answered)[0]).peakRssBytes;
}

const bombs: [string, () => Promise<unknown>][] = [
  [
    "a gzip bomb over gRPC",
    () => {
      const bomb = enveloped(gzipSync(Buffer.alloc(400 * MIB)), 1);
      return callGrpc(port, EXECUTE, bomb, { "grpc-encoding": "gzip" });
    },
  ],
  [
    "a gzip bomb over HTTP",
    () => {
      const bomb = gzipSync(Buffer.alloc(400 * MIB, " "));
      return postJson(`http://127.0.0.1:${port}`, EXECUTE, bomb, { "content-encoding": "gzip" });
    },
  ],
  [
    "a depth bomb in JSON",
    () => postJson(`http://127.0.0.1:${port}`, EXECUTE, "[".repeat(4 * MIB)),
  ],
];

test.each(bombs)("%s does not raise the RSS by 64 MiB", async (_, send) => {
  const before = await peakRssBytes();
  await send();
  const after = await peakRssBytes();
  expect(after - before).toBeLessThan(64 * MIB);
});
