/**
 * Reads the agents file: agentlane.json, or the langgraph.json of a LangGraph.js project, which is
 * served unchanged. All that is wrong with a file is reported at once, each problem with its key.
 */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { parseEnv } from "node:util";
import { z } from "zod";
import { AgentlaneError, type FieldViolation } from "../errors.ts";
import { AGENT_ID, type AgentDefinition, agentDefinitionSchema } from "./agent-definition.ts";

const agentlaneFile = z.strictObject({
  /** For editors. */
  $schema: z.string().optional(),
  agents: z.record(z.string(), z.record(z.string(), z.unknown())),
});

const graphReference = z.union([
  z.string(),
  z.looseObject({ path: z.string(), description: z.string().optional() }),
]);

/** Of LangGraph's own keys (https://docs.langchain.com/langsmith/cli) these two matter here. */
const langGraphFile = z.looseObject({
  graphs: z.record(z.string(), graphReference),
  env: z.union([z.string(), z.record(z.string(), z.string())]).optional(),
});

export interface AgentsFileOptions {
  /** Where the variables of langgraph.json's `env` go; set ones win. */
  readonly environment: Record<string, string | undefined>;
  /** Told what is odd about a file that is served all the same. */
  readonly onWarning: (message: string) => void;
}

/** Throws `invalid_argument` (AGENTS_FILE_INVALID) that names every bad key. */
export function loadAgentsFile(path: string, options: AgentsFileOptions): AgentDefinition[] {
  const file = resolve(path);
  return readAgents(file, readJson(file), options);
}

/** The same for a file that has been read: `file` is its path, `content` the JSON in it. */
export function readAgents(
  file: string,
  content: unknown,
  options: AgentsFileOptions,
): AgentDefinition[] {
  const isLangGraph = typeof content === "object" && content !== null && "graphs" in content;
  const { agents, problems } = isLangGraph
    ? readLangGraphFile(file, content, options)
    : readAgentlaneFile(file, content);
  if (problems.length === 0) return agents;
  throw invalidFile(file, problems);
}

/** What is served without an agents file: echo and demo, and chat and react where a model is named. */
export function builtInAgents(
  options: { readonly model?: string | undefined } = {},
): AgentDefinition[] {
  const agents: unknown[] = [
    { id: "echo", template: "echo", description: "Repeats what you say, word by word." },
    {
      id: "demo",
      template: "demo",
      description: "An offline tool agent: remembers, calculates, tells the time, keeps notes.",
    },
  ];
  if (options.model !== undefined) {
    const model = options.model;
    agents.push(
      { id: "chat", template: "chat", model, description: `A conversation with ${model}.` },
      {
        id: "react",
        template: "react",
        model,
        tools: [
          { type: "builtin", name: "calculator" },
          { type: "builtin", name: "clock" },
        ],
        description: `${model} with a calculator and a clock.`,
      },
    );
  }
  return agents.map((agent) => agentDefinitionSchema.parse(agent));
}

interface ReadFile {
  readonly agents: AgentDefinition[];
  readonly problems: FieldViolation[];
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    const why = error instanceof SyntaxError ? `is not JSON: ${whyNot(error)}` : "cannot be read";
    throw invalidFile(file, [{ field: "", description: why }], error);
  }
}

/** Without the piece of the file that is quoted: it may hold a key. */
function whyNot({ message }: SyntaxError): string {
  return message.replace(/, (\.\.\.)?".*$/s, "");
}

function readAgentlaneFile(file: string, content: unknown): ReadFile {
  const parsed = agentlaneFile.safeParse(content);
  if (!parsed.success) return { agents: [], problems: violations([], parsed.error) };
  const agents: AgentDefinition[] = [];
  const problems: FieldViolation[] = [];
  for (const [id, entry] of Object.entries(parsed.data.agents)) {
    const path = ["agents", id];
    const own = ["id", "baseDir"].filter((key) => key in entry);
    problems.push(
      ...own.map((key) => problem([...path, key], "is set by the file itself; leave it out")),
    );
    const agent = agentDefinitionSchema.safeParse({ ...entry, id, baseDir: dirname(file) });
    if (agent.success) {
      agents.push(agent.data);
      problems.push(...contradictions(path, agent.data));
    } else problems.push(...violations(path, agent.error));
  }
  if (agents.length === 0 && problems.length === 0) {
    problems.push(problem(["agents"], "needs at least one agent"));
  }
  return { agents, problems };
}

/** What is right key by key and wrong together. */
function contradictions(path: readonly string[], agent: AgentDefinition): FieldViolation[] {
  const found: FieldViolation[] = [];
  const { template } = agent;
  if ((template === "chat" || template === "react") && agent.model === undefined) {
    found.push(
      problem([...path, "model"], `template ${template} needs it, e.g. "openai:gpt-5-mini"`),
    );
  }
  if (template === "graph" && agent.graph === undefined) {
    found.push(problem([...path, "graph"], 'template graph needs it, e.g. "./agent.ts:graph"'));
  }
  if (template !== "react" && agent.tools.length > 0) {
    found.push(problem([...path, "tools"], `template ${template} takes none; use react`));
  }
  agent.tools.forEach((tool, index) => {
    if (tool.type !== "mcp" || (tool.command === undefined) !== (tool.url === undefined)) return;
    found.push(problem([...path, "tools", index], "an MCP server needs either command or url"));
  });
  return found;
}

function readLangGraphFile(file: string, content: unknown, options: AgentsFileOptions): ReadFile {
  const parsed = langGraphFile.safeParse(content);
  if (!parsed.success) return { agents: [], problems: violations([], parsed.error) };
  const baseDir = dirname(file);
  const agents: AgentDefinition[] = [];
  const problems: FieldViolation[] = [];
  for (const [id, reference] of Object.entries(parsed.data.graphs)) {
    const [path, description] =
      typeof reference === "string"
        ? [reference, ""]
        : [reference.path, reference.description ?? ""];
    const agent = agentDefinitionSchema.safeParse({
      id,
      baseDir,
      description,
      template: "graph",
      graph: path,
    });
    if (agent.success) agents.push(agent.data);
    else problems.push(...violations(["graphs", id], agent.error, ["graph"]));
  }
  problems.push(...applyEnvironment(baseDir, parsed.data.env, options));
  return { agents, problems };
}

/** Projects read their keys from process.env; variables that are set already win, as with dotenv. */
function applyEnvironment(
  baseDir: string,
  env: string | Record<string, string> | undefined,
  { environment, onWarning }: AgentsFileOptions,
): FieldViolation[] {
  let variables: NodeJS.Dict<string> = {};
  if (typeof env === "string") {
    const file = resolve(baseDir, env);
    try {
      variables = parseEnv(readFileSync(file, "utf8"));
    } catch (error) {
      // A fresh clone of a project lacks the file, which holds its secrets; they may be set already.
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) {
        return [problem(["env"], `${file} cannot be read`)];
      }
      onWarning(`env names ${file}, which does not exist: its variables are not set by it`);
    }
  } else if (env) variables = env;
  for (const [name, value] of Object.entries(variables)) environment[name] ??= value;
  return [];
}

function problem(path: readonly PropertyKey[], description: string): FieldViolation {
  return { field: keyPath(path), description };
}

/** zod's issues under a path; keys the file does not have (`dropped`) are left out of it. */
function violations(
  prefix: readonly PropertyKey[],
  error: z.ZodError,
  dropped: readonly PropertyKey[] = [],
): FieldViolation[] {
  return error.issues.flatMap((issue) => {
    const path = [...prefix, ...issue.path.filter((key) => !dropped.includes(key))];
    if (issue.path[0] === "id") {
      return [problem(prefix, `the agent's id must match ${AGENT_ID.source}`)];
    }
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => problem([...path, key], "is not a known key"));
    }
    return [problem(path, issue.message)];
  });
}

/** agents.support.tools[1].module */
function keyPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    return text === "" ? String(key) : `${text}.${String(key)}`;
  }, "");
}

function invalidFile(file: string, problems: FieldViolation[], cause?: unknown): AgentlaneError {
  const lines = problems.map(({ field, description }) =>
    field === "" ? `  ${description}` : `  ${field}: ${description}`,
  );
  return new AgentlaneError(
    "invalid_argument",
    "AGENTS_FILE_INVALID",
    `the agents file ${file} has ${lines.length === 1 ? "an error" : `${lines.length} errors`}:\n${lines.join("\n")}`,
    { fieldViolations: problems, cause },
  );
}
