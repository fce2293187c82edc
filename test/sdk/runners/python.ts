/** One SDK, two clients: a blocking one and one for asyncio. */
import { missingPython, python } from "../../harness/python-sdk.ts";
import type { Runner } from "../runner.ts";

export const runners: readonly Runner[] = ["sync", "async"].map((kind) => ({
  language: "python",
  name: `python (${kind})`,
  missing: missingPython,
  command: ["env", "PYTHONPATH=sdk/python/src", python, "sdk/python/scenarios/runner.py", kind],
}));
