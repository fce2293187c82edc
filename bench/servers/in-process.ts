/** The peer of the streaming row: the graph alone, streamed in a loop in its own process. */
import { HumanMessage } from "@langchain/core/messages";
import { streaming } from "../graph.ts";
import type { LoadOrder, LoadReport } from "../load-client.ts";

process.on("message", (order: LoadOrder) => {
  run(order).then(
    (report) => process.send?.(report),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});

async function run({ concurrency, durationMs }: LoadOrder): Promise<LoadReport> {
  let calls = 0;
  let messages = 0;
  const startedAt = performance.now();
  async function caller(): Promise<void> {
    while (performance.now() < startedAt + durationMs) {
      const input = { messages: [new HumanMessage("go")] };
      for await (const _token of await streaming.stream(input, { streamMode: "messages" })) {
        messages += 1;
      }
      calls += 1;
    }
  }
  await Promise.all(Array.from({ length: concurrency }, caller));
  const elapsedMs = performance.now() - startedAt;
  return {
    calls,
    messages,
    elapsedMs,
    p50Ms: 0,
    p99Ms: 0,
    failures: 0,
    firstFailure: "",
    clientLoad: 0,
  };
}

process.send?.({ port: 0 });
