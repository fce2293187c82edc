import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** They start many processes or compilers: side by side they would mostly wait for each other. */
const HEAVY = /\/test\/(faults\/[a-z-]+|sdk\/(rust|java)|store\/postgres)\.test\.ts$/;

/** Spreads the heavy files over the first half of the others, which are sorted with the large ones first. */
class SpreadSequencer extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const heavy = sorted.filter(({ moduleId }) => HEAVY.test(moduleId));
    const light = sorted.filter(({ moduleId }) => !HEAVY.test(moduleId));
    const step = Math.ceil(light.length / (2 * heavy.length));
    return heavy
      .flatMap((file, at) => [file, ...light.slice(at * step, (at + 1) * step)])
      .concat(light.slice(heavy.length * step));
  }
}

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    // Many wait for processes that they have started.
    maxWorkers: 3,
    sequence: { sequencer: SpreadSequencer },
    testTimeout: 30_000,
    hookTimeout: 60_000,
    env: { LANGCHAIN_CALLBACKS_BACKGROUND: "false" },
  },
});
