/** Calls that end in every way, at random moments, leave nothing behind. */
import { setImmediate as turn } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  closeSession,
  EXECUTE,
  enveloped,
  executeRequest,
  grpcAnswer,
  openGrpc,
  openSession,
  postJson,
  STREAM_EXECUTE,
} from "./raw.ts";
import { startTestServer } from "./test-server.ts";

/** mulberry32: small, seeded, good enough to pick steps. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const unhandled: unknown[] = [];
const note = (error: unknown): number => unhandled.push(error);
beforeAll(() => {
  process.on("unhandledRejection", note);
});
afterAll(() => {
  process.off("unhandledRejection", note);
});

/** Sockets and timers of this process, without what the test runner owns. */
function resources(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of process.getActiveResourcesInfo()) {
    if (/TCP|TLS|Timeout/.test(name)) counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

const AGENTS = ["echo", "hanging", "endless", "tokens", "failing", "broken", "unknown", "full"];
const SEED = Number(process.env.SEED ?? 20_261_122);

test.each([true, false])("random calls and resets (native: %s)", async (nativeGrpc) => {
  const random = seeded(SEED);
  const pick = <T>(choices: readonly T[]): T => choices[Math.floor(random() * choices.length)] as T;
  const before = resources();
  const { server, manager, port, url, readiness } = await startTestServer({
    options: { nativeGrpc },
  });

  async function oneCall(session: Awaited<ReturnType<typeof openSession>>): Promise<void> {
    const agent = pick(AGENTS);
    const path = pick([EXECUTE, STREAM_EXECUTE]);
    const body = enveloped(executeRequest(agent));
    const cut = random() < 0.2 ? Math.floor(random() * body.length) : body.length;
    const timeout = random() < 0.3 ? { "grpc-timeout": `${1 + Math.floor(random() * 40)}m` } : {};
    const stream = openGrpc(session, path, timeout);
    const answered = grpcAnswer(stream);
    stream.write(body.subarray(0, cut));
    if (cut === body.length) stream.end();
    const turns = Math.floor(random() * 30);
    for (let count = 0; count < turns; count++) await turn();
    stream.close(8);
    await answered;
  }

  for (let round = 0; round < 4; round++) {
    const session = await openSession(port);
    const calls = Array.from({ length: 60 }, () => oneCall(session));
    if (round % 2 === 0) await Promise.all(calls);
    await closeSession(session);
    await Promise.all(calls);
  }
  await postJson(url, EXECUTE, "{}");

  await manager.idle();
  while (server.inFlightCount > 0) await turn();
  await server.stop();
  expect({ seed: SEED, watchers: manager.watcherCount }).toEqual({ seed: SEED, watchers: 0 });
  expect(manager.runs.filter(({ abortedWith }) => abortedWith).length).toBeGreaterThan(5);
  expect(readiness.listenerCount).toBe(0);
  expect(server.connectionCount).toBe(0);
  // The system closes handles a few turns after they are let go of.
  const leftOver = (): Record<string, number> => {
    const now = resources();
    for (const name in now) now[name] = (now[name] ?? 0) - (before[name] ?? 0);
    // One timer is the test's own limit.
    if (now.Timeout !== undefined) now.Timeout = Math.max(0, now.Timeout - 1);
    return Object.fromEntries(Object.entries(now).filter(([, count]) => count > 0));
  };
  for (let count = 0; count < 1000 && Object.keys(leftOver()).length > 0; count++) await turn();
  expect(leftOver()).toEqual({});
  expect(unhandled).toEqual([]);
});
