/** A lease thread that tells of a problem before it is ready. */
import { parentPort } from "node:worker_threads";

parentPort?.once("message", () => parentPort?.close());
parentPort?.postMessage({ kind: "problem", message: "not yet" });
setTimeout(() => parentPort?.postMessage({ kind: "ready" }), 50);
