/** A lease thread that says that it runs, and ignores that it is told to stop. */
import { parentPort } from "node:worker_threads";

parentPort?.on("message", () => undefined);
parentPort?.postMessage({ kind: "ready" });
parentPort?.postMessage({ kind: "problem", message: "running" });
