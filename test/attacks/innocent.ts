/**
 * A process of its own that calls as an honest client does: two calls at a time on one connection, each
 * timed. Told `{ms}`, it answers with the figures of that span; told `{warmUp}`, when the server is warm.
 */
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { z } from "zod";
import { AgentService } from "../../gen/agentlane/v1/agent_service_pb.js";

const baseUrl = z.string().parse(process.argv[2]);
const sessionManager = new Http2SessionManager(baseUrl);
const client = createClient(AgentService, createGrpcTransport({ baseUrl, sessionManager }));
const requestOf = (value: string) => ({
  agentId: "echo",
  messages: [{ role: 1, content: [{ part: { case: "text" as const, value } }] }],
});
const request = requestOf("hello");
const order = z.union([z.object({ warmUp: z.literal(true) }), z.object({ ms: z.number() })]);
const LARGE_BYTES = 2 * 1024 * 1024;

process.on("message", (message) => {
  const what = order.parse(message);
  void ("ms" in what ? measure(what.ms) : warmUp()).then((answer) => process.send?.(answer));
});
process.send?.("ready");

/**
 * Until the server has the size that it has at work: code that runs for the first time takes memory that
 * stays, and so does the first collection. Some calls are as large as honest ones may be.
 */
async function warmUp(): Promise<object> {
  const large = requestOf("x".repeat(LARGE_BYTES));
  for (let count = 0; count < 200; count++) {
    await client.execute(count % 50 === 0 ? large : request);
  }
  return {};
}

async function measure(ms: number): Promise<object> {
  const latenciesMs: number[] = [];
  let failureCount = 0;
  const endAt = performance.now() + ms;
  const call = async (): Promise<void> => {
    while (performance.now() < endAt) {
      const startedAt = performance.now();
      await client.execute(request, { timeoutMs: 10_000 }).catch(() => failureCount++);
      latenciesMs.push(performance.now() - startedAt);
    }
  };
  await Promise.all([call(), call()]);
  latenciesMs.sort((a, b) => a - b);
  const p99Ms = latenciesMs[Math.ceil(latenciesMs.length * 0.99) - 1] ?? 0;
  return { p99Ms, callCount: latenciesMs.length, failureCount };
}
