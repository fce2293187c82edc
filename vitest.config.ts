import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    // More than the two cores of the smallest machine: tests of whole processes mostly wait.
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 60_000,
    env: { LANGCHAIN_CALLBACKS_BACKGROUND: "false" },
  },
});
