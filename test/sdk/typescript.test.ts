/** The columns of the TypeScript SDK; `npm run test:sdk` has those of all languages. */
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

describe.each(runners)("$name", (runner) => {
  let column: Column;
  beforeAll(async () => {
    column = await createColumn(installation, runner);
  });
  afterAll(() => column.stop());

  test.each(scenarios)("$name", (scenario) => column.run(scenario), 60_000);
});
