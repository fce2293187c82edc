/** What the rest of the program may know of agents: their policies, descriptions and problems. */
import { create, type JsonObject } from "@bufbuild/protobuf";
import {
  type AgentDescription,
  AgentDescriptionSchema,
  type AgentProblem,
  AgentProblemSchema,
  type FrameworkHealth,
  type ValidateAgentResponse,
  ValidateAgentResponseSchema,
} from "../../gen/agentlane/v1/operations_service_pb.js";
import { isKind } from "../errors.ts";
import type { AgentCatalog } from "./agent-catalog.ts";
import { type AgentDefinition, agentDefinitionSchema } from "./agent-definition.ts";
import type { FrameworkExecutor } from "./contract.ts";
import type { Router } from "./router.ts";

export interface AgentDirectoryParts {
  readonly catalog: AgentCatalog;
  readonly router: Router;
  readonly executors: readonly FrameworkExecutor[];
}

/** Keys of a definition that name code: a request never loads any. */
const CODE_KEYS = ["graph", "baseDir"] as const;

export function createAgentDirectory({ catalog, router, executors }: AgentDirectoryParts) {
  /** An agent that is not usable now (a missing key, a server that is down) is listed all the same. */
  async function describe(agent: AgentDefinition): Promise<AgentDescription> {
    try {
      return await router.route(agent.id).executor.describe(agent);
    } catch (error) {
      if (!isKind(error, "invalid_argument")) throw error;
      const { id, description, template, framework, model = "", queue, maxAttempts } = agent;
      return create(AgentDescriptionSchema, {
        agentId: id,
        description,
        template,
        framework,
        model,
        queue,
        maxAttempts,
      });
    }
  }

  async function validateDefinition(
    agent: AgentDefinition,
    framework: FrameworkExecutor | undefined,
  ): Promise<ValidateAgentResponse> {
    if (!framework) {
      const message = `"${agent.framework}" is not in ENABLED_FRAMEWORKS`;
      return invalid([create(AgentProblemSchema, { field: "framework", message })]);
    }
    const problems = await framework.validate(agent);
    if (problems.length > 0) return invalid(problems);
    const described = await framework.describe(agent);
    return create(ValidateAgentResponseSchema, { valid: true, agent: described });
  }

  const frameworkOf = (agent: AgentDefinition): FrameworkExecutor | undefined =>
    executors.find((executor) => executor.framework === agent.framework);

  return {
    policy(agentId: string) {
      const { queue, maxAttempts, timeoutMs, retry } = catalog.get(agentId);
      const backoff = {
        initialMs: retry.initialBackoffMs,
        multiplier: retry.multiplier,
        maxMs: retry.maxBackoffMs,
      };
      return { queue, maxAttempts, timeoutMs, backoff };
    },
    queues: () => [...new Set(catalog.list().map((agent) => agent.queue))].sort(),
    describe: () => Promise.all(catalog.list().map(describe)),
    async validate(subject: { agentId: string } | { definition: JsonObject }) {
      if ("agentId" in subject) {
        const agent = catalog.get(subject.agentId);
        return validateDefinition(agent, frameworkOf(agent));
      }
      const parsed = parseDefinition(subject.definition);
      if (!parsed.agent) return invalid(parsed.problems);
      return validateDefinition(parsed.agent, frameworkOf(parsed.agent));
    },
    frameworks: (): FrameworkHealth[] =>
      executors
        .map((executor) => executor.health())
        .sort((a, b) => (a.framework < b.framework ? -1 : 1)),
  };
}

function parseDefinition(
  definition: JsonObject,
): { agent: AgentDefinition; problems: [] } | { agent?: undefined; problems: AgentProblem[] } {
  const problems = codeProblems(definition);
  if (problems.length > 0) return { problems };
  const parsed = agentDefinitionSchema.safeParse({ id: "candidate", ...definition });
  if (parsed.success) return { agent: parsed.data, problems: [] };
  return {
    problems: parsed.error.issues.map((issue) =>
      create(AgentProblemSchema, { field: pathOf(issue.path), message: issue.message }),
    ),
  };
}

/** Modules, commands and servers are the operator's to name, in the agents file. */
function codeProblems(definition: JsonObject): AgentProblem[] {
  const problems = CODE_KEYS.filter((key) => key in definition).map((key) =>
    create(AgentProblemSchema, { field: key, message: "is accepted in the agents file only" }),
  );
  const { tools } = definition;
  if (!Array.isArray(tools)) return problems;
  for (const [index, tool] of tools.entries()) {
    const type = typeof tool === "object" && tool && !Array.isArray(tool) ? tool.type : undefined;
    if (type === "builtin") continue;
    problems.push(
      create(AgentProblemSchema, {
        field: `tools[${index}]`,
        message:
          'only {"type": "builtin"} tools are accepted here; others belong in the agents file',
      }),
    );
  }
  return problems;
}

function pathOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) =>
      typeof key === "number"
        ? `${text}[${key}]`
        : text === ""
          ? String(key)
          : `${text}.${String(key)}`,
    "",
  );
}

function invalid(problems: AgentProblem[]): ValidateAgentResponse {
  return create(ValidateAgentResponseSchema, { valid: false, problems });
}
