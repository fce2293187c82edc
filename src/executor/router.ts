/** From an agent's id to its definition and the executor of its framework. */
import { AgentlaneError } from "../errors.ts";
import type { AgentCatalog } from "./agent-catalog.ts";
import type { AgentDefinition } from "./agent-definition.ts";
import type { FrameworkExecutor } from "./contract.ts";

export interface Route {
  readonly agent: AgentDefinition;
  readonly executor: FrameworkExecutor;
}

export interface Router {
  /** `not_found` for an unknown agent, `failed_precondition` for a framework that is not enabled. */
  route(agentId: string): Route;
}

export function createRouter(
  catalog: AgentCatalog,
  executors: readonly FrameworkExecutor[],
): Router {
  const byFramework = new Map(executors.map((executor) => [executor.framework, executor]));
  return {
    route(agentId) {
      const agent = catalog.get(agentId);
      const executor = byFramework.get(agent.framework);
      if (executor) return { agent, executor };
      throw new AgentlaneError(
        "failed_precondition",
        "FRAMEWORK_NOT_ENABLED",
        `agent "${agentId}" needs the framework "${agent.framework}", which is not in ENABLED_FRAMEWORKS`,
      );
    },
  };
}
