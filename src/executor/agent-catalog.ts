/** The registered agents, by id. Built once at start from the agents file. */
import { AgentlaneError } from "../errors.ts";
import type { AgentDefinition } from "./agent-definition.ts";

export interface AgentCatalog {
  /** `not_found` (AGENT_NOT_FOUND) with the known ids in the message. */
  get(agentId: string): AgentDefinition;
  /** By id. */
  list(): AgentDefinition[];
}

export function createAgentCatalog(agents: readonly AgentDefinition[]): AgentCatalog {
  const byId = new Map(agents.map((agent) => [agent.id, agent]));
  const sorted = [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  return {
    get(agentId) {
      const agent = byId.get(agentId);
      if (agent) return agent;
      const known = sorted
        .slice(0, 20)
        .map((entry) => entry.id)
        .join(", ");
      throw new AgentlaneError(
        "not_found",
        "AGENT_NOT_FOUND",
        `agent "${agentId}" is not registered; known agents: ${known || "none"}`,
        { metadata: { agent_id: agentId } },
      );
    },
    list: () => sorted,
  };
}
