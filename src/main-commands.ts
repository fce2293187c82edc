/** The commands that are this program itself, rather than a client of it. */
import { defineCommand } from "./cli/command.ts";
import { completionCommand } from "./cli/completion.ts";
import { file, flag, text } from "./cli/options.ts";
import { describeConfig, environmentWith, loadConfig } from "./config.ts";
import { VERSION } from "./version.ts";

const agentsOption = file("The agents file, as AGENTS; default: the built-in agents");

const serveCommand = defineCommand({
  name: "serve",
  summary: "Serves until SIGTERM, then drains; a second signal stops at once",
  options: { agents: agentsOption, port: text("N", "Port, as PORT; 0 = any free one") },
  operands: {},
  async run({ agents, port }) {
    const { serve } = await import("./main-serve.ts");
    return serve(loadConfig(environmentWith(variables({ AGENTS: agents, PORT: port }))));
  },
});

const validateCommand = defineCommand({
  name: "validate",
  summary: "Checks the agents file and what it names",
  options: { agents: agentsOption },
  operands: {},
  async run({ agents: path }, { terminal }) {
    const config = loadConfig(environmentWith(variables({ AGENTS: path })));
    const { agentsOf, validateAgents } = await loadAgents();
    const warnings: string[] = [];
    const agents = agentsOf(config, (message) => void warnings.push(`warning: ${message}`));
    const problems = (await validateAgents(agents)).map(
      ({ agentId, field, message }) => `${agentId}${field && `.${field}`}: ${message}`,
    );
    const verdict = problems.length > 0 ? [] : [`${agents.length} agents are valid`];
    for (const line of [...warnings, ...problems, ...verdict]) await terminal.write(`${line}\n`);
    return problems.length > 0 ? 1 : 0;
  },
});

const migrateCommand = defineCommand({
  name: "migrate",
  summary: "Brings the schema of a PostgreSQL store up to date",
  options: {},
  operands: {},
  async run(_given, { terminal }) {
    const { migrateStore } = await import("./runtime-store.ts");
    await terminal.write(`${await migrateStore(loadConfig())}\n`);
    return 0;
  },
});

const configCommand = defineCommand({
  name: "config",
  summary: "Prints the configuration in effect, secrets masked",
  options: { json: flag("Print JSON, for programs") },
  operands: {},
  async run({ json }, { terminal }) {
    const config = loadConfig();
    const settings = config.settings.map(({ section, name, shown: value, isDefault }) => ({
      ...{ section, name, value, isDefault },
    }));
    const shown = json ? JSON.stringify({ settings }, null, 2) : describeConfig(config);
    await terminal.write(`${shown}\n`);
    return 0;
  },
});

const versionCommand = defineCommand({
  name: "version",
  summary: "Prints the version",
  options: {},
  operands: {},
  async run(_given, { terminal }) {
    await terminal.write(`${VERSION}\n`);
    return 0;
  },
});

export const PROCESS_COMMANDS = [
  serveCommand,
  validateCommand,
  migrateCommand,
  configCommand,
  versionCommand,
  completionCommand,
];

/** LangChain takes a second to load; the commands that run no agent do without. */
function loadAgents(): Promise<typeof import("./runtime-agents.ts")> {
  return import("./runtime-agents.ts");
}

function variables(given: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const entries = Object.entries(given).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  return Object.fromEntries(entries);
}
