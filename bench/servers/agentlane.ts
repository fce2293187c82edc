import { benchRuntime, type Executor } from "./runtime.ts";

const EXECUTORS: readonly Executor[] = ["noop", "chunks", "trivial", "streaming"];
const executor = EXECUTORS.find((name) => name === process.argv[2]);
if (!executor) throw new Error(`which executor? one of ${EXECUTORS.join(", ")}`);

const runtime = await benchRuntime(executor);
await runtime.start();
process.send?.({ port: runtime.server.address().port });
