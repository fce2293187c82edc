/** A fault run comes to its end, whatever happens to it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { type Caller, untilAnswered } from "./calls.ts";
import { newLedger } from "./ledger.ts";
import { readerOf, settle } from "./observe.ts";

const MAIN = new URL("main.ts", import.meta.url).pathname;

function callerOf(gateways: Caller["cluster"]["gateways"]): Caller {
  const cluster = { gateways } as Caller["cluster"];
  return { cluster, ledger: newLedger(), random: () => 0, signal: new AbortController().signal };
}

function refusal(): ConnectError {
  return new ConnectError("the broker is away", Code.Unavailable, undefined, [
    { desc: ErrorInfoSchema, value: { reason: "AWAY" } },
    { desc: RetryInfoSchema, value: {} },
  ]);
}

test.each(["SIGTERM", "SIGINT"] as const)(
  "%s ends it, and all that it has started",
  async (name) => {
    const args = ["--only", "sqlite", "--seconds", "600", "--faults", "kill-server"];
    const running = spawn(process.execPath, [MAIN, ...args], {
      stdio: ["ignore", "pipe", "inherit"],
      // A group of its own, so that what it leaves behind is seen.
      detached: true,
    });
    const { pid } = running;
    if (pid === undefined) throw new Error("it did not start");
    const exited = once(running, "exit");
    const lines: string[] = [];
    try {
      for await (const line of createInterface(running.stdout)) {
        lines.push(line);
        // The server is down, or just starting again.
        if (line.includes("fault kill-server")) process.kill(pid, name);
      }
      expect((await exited)[0], lines.join("\n")).toBe(1);
      expect(lines.at(-1)).toContain("interrupted");
      expect(() => process.kill(-pid, 0)).toThrow("ESRCH");
    } finally {
      if (running.exitCode === null) process.kill(-pid, "SIGKILL");
    }
  },
);

test("it says what it could not read, once, and goes on", async () => {
  const caller = callerOf(async () => [{} as never]);
  const { read } = readerOf(caller);
  const refused = (each: Caller): Promise<never> =>
    untilAnswered(each, () => Promise.reject(refusal()));
  expect(await read("a log", 300, refused)).toBeUndefined();
  expect(await read("another log", 60_000, refused)).toBeUndefined();
  expect(caller.ledger.problems).toEqual([
    'a log could not be read: no answer but "[unavailable] the broker is away" for 300 ms',
  ]);
});

test("it does not wait longer than its bound for tasks to end, or for a gateway", async () => {
  const getTaskManagerStatus = (): Promise<never> => Promise.reject(refusal());
  const refusing = callerOf(async () => [{ operations: { getTaskManagerStatus } } as never]);
  expect(await settle(refusing, 300)).toBeUndefined();
  const none = callerOf(
    (signal) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      }),
  );
  expect(await settle(none, 300)).toBeUndefined();
});
