/**
 * A process of its own that calls as honest clients do: two of them, on one connection, each at even
 * intervals. A call that takes longer than the interval stands for those that were due meanwhile and
 * would have waited for the rest of it: else a pause were noticed by two calls, however long it is.
 */
import { setTimeout } from "node:timers/promises";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { z } from "zod";
import { AgentService } from "../../gen/agentlane/v1/agent_service_pb.js";

/** Of each client: 200 calls a second are less than half of what the server can do on a core. */
const INTERVAL_MS = 10;
const CLIENT_COUNT = 2;
const CALL_TIMEOUT_MS = 10_000;
const WARM_UP_CALLS = 200;
const LARGE_BYTES = 2 * 1024 * 1024;

const order = z.union([
  /** Told when the server is warm. */
  z.object({ warmUp: z.string() }),
  z.object({ start: z.literal(true) }),
  /** Told how long each call since the start took, those with it that were due meanwhile. */
  z.object({ stop: z.literal(true) }),
]);

interface Calls {
  stop(): Promise<{ latenciesMs: readonly number[]; failureCount: number }>;
}

let client = clientOf("http://127.0.0.1:1");
let calls: Calls | undefined;

process.on("message", (message) => {
  void obey(order.parse(message)).then((answer) => process.send?.(answer));
});
// Whoever started it has ended.
process.on("disconnect", () => process.exit());
process.send?.("ready");

async function obey(what: z.infer<typeof order>): Promise<object> {
  if ("warmUp" in what) {
    client = clientOf(what.warmUp);
    await warmUp();
  } else if ("start" in what) {
    calls = startCalls();
  } else if (calls) {
    return calls.stop();
  }
  return {};
}

function clientOf(baseUrl: string) {
  const sessionManager = new Http2SessionManager(baseUrl);
  return createClient(AgentService, createGrpcTransport({ baseUrl, sessionManager }));
}

function requestOf(value: string) {
  return {
    agentId: "echo",
    messages: [{ role: 1, content: [{ part: { case: "text" as const, value } }] }],
  };
}

/**
 * Until the server has the size that it has at work: code that runs for the first time takes memory that
 * stays, and so does the first collection. Some calls are as large as honest ones may be.
 */
async function warmUp(): Promise<void> {
  const [small, large] = [requestOf("hello"), requestOf("x".repeat(LARGE_BYTES))];
  for (let count = 0; count < WARM_UP_CALLS; count++) {
    await client.execute(count % 50 === 0 ? large : small);
  }
}

function startCalls(): Calls {
  const request = requestOf("hello");
  const latenciesMs: number[] = [];
  let failureCount = 0;
  let isStopped = false;

  async function callOnAndOn(): Promise<void> {
    for (let dueAt = performance.now(); !isStopped; dueAt += INTERVAL_MS) {
      const startedAt = performance.now();
      if (dueAt > startedAt) await setTimeout(dueAt - startedAt);
      else dueAt = startedAt;
      await call();
    }
  }

  async function call(): Promise<void> {
    const startedAt = performance.now();
    await client.execute(request, { timeoutMs: CALL_TIMEOUT_MS }).catch(() => failureCount++);
    // The correction of coordinated omission of HdrHistogram, by Gil Tene.
    for (let ms = performance.now() - startedAt; ms > 0; ms -= INTERVAL_MS) latenciesMs.push(ms);
  }

  const all = Promise.all(Array.from({ length: CLIENT_COUNT }, callOnAndOn));
  return {
    async stop() {
      isStopped = true;
      await all;
      return { latenciesMs, failureCount };
    },
  };
}
