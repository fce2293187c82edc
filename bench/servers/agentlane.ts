import { benchRuntime, type Executor } from "./runtime.ts";

const EXECUTORS: readonly Executor[] = [
  "noop",
  "waiting",
  "chunk",
  "chunks",
  "trivial",
  "streaming",
  "burning",
];
const executor = EXECUTORS.find((name) => name === process.argv[2]);
if (!executor) throw new Error(`which executor? one of ${EXECUTORS.join(", ")}`);

/** Beside the executor, configuration as JSON, "observed" for metrics and traces, "logged" for logs. */
const configuration = JSON.parse(process.argv[3] ?? "{}");
const runtime = await benchRuntime(executor, configuration, {
  observed: process.argv.includes("observed"),
  logged: process.argv.includes("logged"),
});
await runtime.start();
process.send?.({ port: runtime.server.address().port });
