/** For children that load something themselves: answers orders with what a number of callers did. */
import type { LoadOrder, LoadReport } from "../load-client.ts";

/** One call; answers how many messages it brought. */
export type Call = () => Promise<number>;

export function answerOrders(call: Call): void {
  process.on("message", (order: Pick<LoadOrder, "concurrency" | "durationMs">) => {
    load(call, order).then(
      (report) => process.send?.(report),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
  process.send?.({ port: 0 });
}

async function load(
  call: Call,
  { concurrency, durationMs }: Pick<LoadOrder, "concurrency" | "durationMs">,
): Promise<LoadReport> {
  const latencies: number[] = [];
  let messages = 0;
  const startedAt = performance.now();
  async function caller(): Promise<void> {
    while (performance.now() < startedAt + durationMs) {
      const calledAt = performance.now();
      const received = await call();
      messages += received;
      latencies.push(performance.now() - calledAt);
    }
  }
  await Promise.all(Array.from({ length: concurrency }, caller));
  const elapsedMs = performance.now() - startedAt;
  latencies.sort((a, b) => a - b);
  const percentile = (p: number) => latencies[Math.floor((latencies.length - 1) * p)] ?? 0;
  return {
    calls: latencies.length,
    messages,
    elapsedMs,
    p50Ms: percentile(0.5),
    p99Ms: percentile(0.99),
    failures: 0,
    firstFailure: "",
    // The caller is part of what is measured.
    clientLoad: 0,
  };
}
