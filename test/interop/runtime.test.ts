/** The same scenarios with the real program behind the server. */
import { describe } from "vitest";
import { loadConfig } from "../../src/config.ts";
import { createRuntime } from "../../src/runtime.ts";
import { silentLogger } from "../../src/telemetry/logging.ts";
import { commonScenarios, runtimeScenarios } from "./scenarios.ts";
import { allClients, interopSuite, type Subject } from "./suite.ts";

async function start(): Promise<Subject> {
  const overrides = { logger: silentLogger, server: { port: 0 } };
  const runtime = await createRuntime(loadConfig({}), overrides);
  await runtime.start();
  const { port } = runtime.server.address();
  return { url: `http://127.0.0.1:${port}`, stop: () => runtime.stop() };
}

describe("the program", () => {
  interopSuite(start, allClients, [...commonScenarios, ...runtimeScenarios]);
});
