/** A lease thread that runs and says nothing. */
import { parentPort } from "node:worker_threads";

parentPort?.once("message", () => parentPort?.close());
