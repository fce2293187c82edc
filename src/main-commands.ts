/** The commands that are this program itself, rather than a client of it. */
import { defineCommand } from "./cli/command.ts";
import { KEY_OPTIONS, keyFields } from "./cli/commands/keys.ts";
import { completionCommand } from "./cli/completion.ts";
import { file, flag, text } from "./cli/options.ts";
import { startProgress } from "./cli/progress.ts";
import { type Column, table } from "./cli/table.ts";
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

const bootstrapKeyCommand = defineCommand({
  name: "keys bootstrap",
  summary: "Makes an API key without a server: the first one",
  details: `Into the store of STORE_URL, or with --file into a file for API_KEYS_FILE. A SQLite store belongs to one
process: stop the server first, or use --file. The key alone is on standard output; only its hash is kept.`,
  options: { ...KEY_OPTIONS, file: file("Keep it in this file; default: in the store") },
  operands: {},
  async run(given, { terminal }) {
    const request = { ...keyFields(given), createdBy: "bootstrap" };
    const { bootstrapKey } = await import("./runtime-keys.ts");
    const warn = (message: string): void => terminal.writeError(`warning: ${message}\n`);
    const { token, note } = await bootstrapKey(loadConfig(), request, given.file, warn);
    terminal.writeError(`${note}\n`);
    await terminal.write(`${token}\n`);
    return 0;
  },
});

const encryptionUsageCommand = defineCommand({
  name: "encryption usage",
  summary: "Counts a tenant's sessions by the key that they are encrypted with",
  details: `Straight from the store of STORE_URL, without a server and without the keys. It says when an old key may
go: when no session needs it, and tasks of its time are past their retention. A SQLite store belongs to one process.`,
  options: {
    tenant: text("TENANT", "The tenant; default: default"),
    json: flag("Print JSON, for programs"),
  },
  operands: {},
  async run({ tenant = "default", json }, { terminal }) {
    const { encryptionUsage } = await import("./runtime-encryption-usage.ts");
    const progress = startProgress(terminal, "sessions", 0);
    const counts = await encryptionUsage(loadConfig(), {
      tenant,
      onWarning: (message) => terminal.writeError(`warning: ${message}\n`),
      onProgress: progress.advance,
    }).finally(progress.end);
    const rows = [...counts].sort().map(([key, sessionCount]) => ({ key, sessionCount }));
    await terminal.write(
      json ? `${JSON.stringify({ keys: rows }, null, 2)}\n` : table(terminal, USAGE_COLUMNS, rows),
    );
    return 0;
  },
});

const USAGE_COLUMNS: readonly Column<{ key: string; sessionCount: number }>[] = [
  { title: "KEY", value: ({ key }) => key || "(not encrypted)" },
  { title: "SESSIONS", value: ({ sessionCount }) => `${sessionCount}`, isRight: true },
];

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
  bootstrapKeyCommand,
  encryptionUsageCommand,
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
