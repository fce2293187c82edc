import { systemClock } from "../../src/clock.ts";
import { createLangGraphExecutor } from "../../src/executor/langgraph/executor.ts";
import { type ExecutorUnderTest, executorSuite } from "../conformance/executor-suite.ts";
import { agentOf } from "./harness.ts";

const baseDir = import.meta.dirname;

executorSuite("langgraph", async (): Promise<ExecutorUnderTest> => {
  const demo = { template: "demo", options: { tokenDelayMs: 0 } };
  const project = (name: string) =>
    agentOf({ id: name, template: "graph", baseDir, graph: `./project/graphs.ts:${name}` });
  return {
    executor: createLangGraphExecutor({ clock: systemClock }),
    echo: agentOf({ id: "echo", template: "echo" }),
    assistant: agentOf({ id: "assistant", ...demo }),
    slow: agentOf({ id: "slow", ...demo }),
    failing: project("failing"),
    deaf: project("deaf"),
    asking: project("asking"),
    broken: project("missing"),
  };
});
