#!/usr/bin/env node
/** The command line: parse, build, start, wait, stop. */
import { parseArgs } from "node:util";
import { holdProcess, systemClock } from "./clock.ts";
import { type Config, describeConfig, environmentWith, loadConfig } from "./config.ts";
import { AgentlaneError } from "./errors.ts";
import { createLogger, type Logger } from "./telemetry/logging.ts";
import { startTracing } from "./telemetry/tracing.ts";
import { VERSION } from "./version.ts";

const USAGE = `agentlane ${VERSION}

  agentlane serve [--agents FILE] [--port N]   serve until SIGTERM, then drain; a second signal stops at once
  agentlane validate [--agents FILE]           check the agents file and what it names
  agentlane migrate                            bring the schema of a PostgreSQL store up to date
  agentlane config                             print the configuration in effect, secrets masked
  agentlane version                            print the version

The environment configures everything else: see README.md, "Configuration".`;

const OPTIONS = {
  agents: { type: "string" },
  port: { type: "string" },
  help: { type: "boolean", short: "h" },
  version: { type: "boolean", short: "v" },
} as const;

async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({ args, options: OPTIONS, allowPositionals: true });
  const [command = values.version ? "version" : "help", ...rest] = positionals;
  if (values.help || command === "help") return print(USAGE);
  if (rest.length > 0) throw usageError(`unexpected argument "${rest[0]}"`);
  if (command === "version") return print(VERSION);
  const given = {
    ...(values.agents !== undefined && { AGENTS: values.agents }),
    ...(values.port !== undefined && { PORT: values.port }),
  };
  const config = loadConfig(environmentWith(given));
  if (command === "config") return print(describeConfig(config));
  if (command === "validate") return validate(config);
  if (command === "migrate") return migrate(config);
  if (command === "serve") return serve(config);
  throw usageError(`unknown command "${command}"`);
}

async function serve(config: Config): Promise<never> {
  const [{ createRuntime }, { agentsOf }] = await Promise.all([
    import("./runtime.ts"),
    loadAgents(),
  ]);
  const logger = createLogger(config.logging);
  const agents = agentsOf(config, (message) => logger.warn(message));
  watchForStrays(logger);
  const tracing = startTracing(config.tracing, {
    version: VERSION,
    instanceId: `${process.pid}`,
    logger,
    clock: systemClock,
  });
  await tracing.start();
  const runtime = await createRuntime(config, { logger, agents });
  await runtime.start();
  const { host, port } = runtime.server.address();
  print(howToCall(host, port, config, agents));
  logger.info("serving", { host, port, version: VERSION });
  const signal = await firstSignal();
  // With everything in memory and nobody connected, running work may have nothing but timers.
  holdProcess();
  logger.info("draining", { signal, timeoutMs: config.drainTimeoutMs });
  await runtime.drain(config.drainTimeoutMs);
  await runtime.stop();
  await tracing.stop();
  logger.info("stopped");
  // Nor must a timer or a socket that an agent left behind hold it now.
  process.exit(0);
}

async function validate(config: Config): Promise<number> {
  const { agentsOf, validateAgents } = await loadAgents();
  const agents = agentsOf(config, (message) => print(`warning: ${message}`));
  const problems = await validateAgents(agents);
  for (const { agentId, field, message } of problems) {
    print(`${agentId}${field && `.${field}`}: ${message}`);
  }
  if (problems.length > 0) return 1;
  return print(`${agents.length} agents are valid`);
}

async function migrate(config: Config): Promise<number> {
  const { migrateStore } = await import("./runtime-store.ts");
  return print(await migrateStore(config));
}

/** LangChain takes a second to load; the commands that run no agent do without. */
function loadAgents(): Promise<typeof import("./runtime-agents.ts")> {
  return import("./runtime-agents.ts");
}

/** Resolves with the first signal; the second one ends the process at once. */
function firstSignal(): Promise<string> {
  return new Promise((resolve) => {
    let seen = false;
    const onSignal = (signal: string): void => {
      if (seen) process.exit(1);
      seen = true;
      resolve(signal);
    };
    for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => onSignal(signal));
  });
}

/** A rejection nobody handles is an agent's as a rule: it is told and counted, and work goes on. */
function watchForStrays(logger: Logger): void {
  let count = 0;
  process.on("unhandledRejection", (error) => {
    logger.error("unhandled rejection", { error, count: ++count });
  });
  process.on("uncaughtException", (error) => {
    logger.error("uncaught exception: the process ends, its state cannot be trusted", { error });
    process.exit(1);
  });
}

function howToCall(
  host: string,
  port: number,
  config: Config,
  agents: readonly { readonly id: string }[],
): string {
  const address = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const agentId = agents[0]?.id ?? "echo";
  const body = `{"agent_id":"${agentId}","session_id":"s1","messages":[{"role":"ROLE_USER","content":[{"text":"hello"}]}]}`;
  const plaintext = config.server.tls ? "" : "-plaintext ";
  const scheme = config.server.tls ? "https" : "http";
  return `agentlane ${VERSION} serves ${agents.map((agent) => agent.id).join(", ")} on ${address}

  grpcurl ${plaintext}${address} list
  grpcurl ${plaintext}-d '${body}' ${address} agentlane.v1.AgentService/Execute
  grpcurl ${plaintext}-d '${body}' ${address} agentlane.v1.AgentService/StreamExecute
  curl -H 'content-type: application/json' -d '${body}' ${scheme}://${address}/agentlane.v1.AgentService/Execute

${config.webConsole ? `  ${scheme}://${address}/console is the web console\n\n` : ""}${notes(config)}`;
}

/** What somebody who starts it should not have to find out. */
function notes({ server, store }: Config): string {
  const lines = [];
  if (!server.tls?.clientCaFile) {
    lines.push("Only this machine can call it: no authentication is configured.");
  }
  if (store.type === "memory") {
    lines.push("Everything is in memory: tasks and sessions are gone when it stops.");
  }
  return lines.map((line) => `${line}\n`).join("");
}

function print(text: string): 0 {
  process.stdout.write(`${text}\n`);
  return 0;
}

function usageError(message: string): AgentlaneError {
  return new AgentlaneError("invalid_argument", "USAGE", `${message}\n\n${USAGE}`);
}

function messageOf(error: unknown): string {
  if (error instanceof AgentlaneError) return error.message;
  if (error instanceof TypeError && "code" in error) return `${error.message}\n\n${USAGE}`;
  // The system's own words are enough: "listen EADDRINUSE: address already in use 127.0.0.1:50051".
  if (error instanceof Error && "syscall" in error) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`agentlane: ${messageOf(error)}\n`);
  process.exit(1);
}
