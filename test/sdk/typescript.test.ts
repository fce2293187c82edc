/** The first column of the TypeScript SDK; `npm run test:sdk` has all of all languages. */
import { afterAll, beforeAll, describe, test } from "vitest";
import { type Column, createColumn } from "./column.ts";
import { type Installation, startInstallation } from "./installation.ts";
import { runners } from "./runners/typescript.ts";
import { loadScenarios } from "./scenario-file.ts";

const scenarios = loadScenarios();
let installation: Installation;

beforeAll(async () => {
  installation = await startInstallation();
});
afterAll(() => installation.stop());

describe.each(runners.slice(0, 1))("$name", (runner) => {
  let column: Column;
  beforeAll(async () => {
    column = await createColumn(installation, runner);
  });
  afterAll(() => column.stop());

  test.each(scenarios)("$name", (scenario) => column.run(scenario), 60_000);
});
