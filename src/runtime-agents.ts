/** The agents that the configuration names, and what is wrong with them. */
import { systemClock } from "./clock.ts";
import { type Config, processEnvironment } from "./config.ts";
import type { AgentDefinition } from "./executor/agent-definition.ts";
import { builtInAgents, loadAgentsFile } from "./executor/agents-file.ts";
import { createLangGraphExecutor } from "./executor/langgraph/executor.ts";

/** Throws `invalid_argument` for an agents file with problems. */
export function agentsOf(config: Config, onWarning: (message: string) => void): AgentDefinition[] {
  if (config.agentsFile !== undefined) {
    return loadAgentsFile(config.agentsFile, { environment: processEnvironment(), onWarning });
  }
  return builtInAgents({ model: config.defaultModel });
}

export interface FoundProblem {
  readonly agentId: string;
  /** The key of the definition; empty = the definition as a whole. */
  readonly field: string;
  readonly message: string;
}

/** Loads what the definitions name, connects what they connect to, calls no model. */
export async function validateAgents(agents: readonly AgentDefinition[]): Promise<FoundProblem[]> {
  const executor = createLangGraphExecutor({ clock: systemClock });
  await executor.start();
  try {
    const found = await Promise.all(
      agents.map(async (agent) =>
        (await executor.validate(agent)).map(({ field, message }) => ({
          agentId: agent.id,
          field,
          message,
        })),
      ),
    );
    return found.flat();
  } finally {
    await executor.stop();
  }
}
