/**
 * A process of its own that calls as an honest client does: two calls at a time on one connection, each
 * timed. Told `{ms}`, it answers with the figures of that span.
 */
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { z } from "zod";
import { AgentService } from "../../gen/agentlane/v1/agent_service_pb.js";

const baseUrl = z.string().parse(process.argv[2]);
const sessionManager = new Http2SessionManager(baseUrl);
const client = createClient(AgentService, createGrpcTransport({ baseUrl, sessionManager }));
const request = {
  agentId: "echo",
  messages: [{ role: 1, content: [{ part: { case: "text" as const, value: "hello" } }] }],
};

process.on("message", (message) => {
  const { ms } = z.object({ ms: z.number() }).parse(message);
  void measure(ms).then((figures) => process.send?.(figures));
});
process.send?.("ready");

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
