/** Arguments: memory, or full or normal and the path of the file. Asked, it tells how late its event loop was. */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { benchRuntime } from "./runtime.ts";

export interface LoopDelay {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const [durability = "memory", path] = process.argv.slice(2);
const delay = monitorEventLoopDelay({ resolution: 1 });
const environment =
  path === undefined ? {} : { STORE_URL: `sqlite:${path}`, SQLITE_SYNCHRONOUS: durability };
const runtime = await benchRuntime("noop", environment);
await runtime.start();
delay.enable();
process.on("message", () => {
  const report: LoopDelay = {
    p50Ms: delay.percentile(50) / 1e6,
    p99Ms: delay.percentile(99) / 1e6,
    maxMs: delay.max / 1e6,
  };
  delay.reset();
  process.send?.(report);
});
process.send?.({ port: runtime.server.address().port });
