/** `agentlane serve`: build, start, wait, drain, stop. */
import { holdProcess, systemClock } from "./clock.ts";
import type { Config } from "./config.ts";
import { createLogger, type Logger } from "./telemetry/logging.ts";
import { createTelemetry } from "./telemetry/telemetry.ts";
import { VERSION } from "./version.ts";

export async function serve(config: Config): Promise<never> {
  const [{ createRuntime }, { agentsOf }] = await Promise.all([
    import("./runtime.ts"),
    import("./runtime-agents.ts"),
  ]);
  const logger = createLogger(config.logging);
  const agents = agentsOf(config, (message) => logger.warn(message));
  watchForStrays(logger);
  const telemetry = createTelemetry(config, {
    version: VERSION,
    instanceId: `${process.pid}`,
    logger,
    clock: systemClock,
  });
  await telemetry.start();
  const runtime = await createRuntime(config, { logger, agents, metrics: telemetry.instruments });
  await runtime.start();
  const { host, port } = runtime.server.address();
  process.stdout.write(`${howToCall(host, port, config, agents)}\n`);
  logger.info("serving", { host, port, version: VERSION });
  const signal = await firstSignal();
  // With everything in memory and nobody connected, running work may have nothing but timers.
  holdProcess();
  logger.info("draining", { signal, timeoutMs: config.drainTimeoutMs });
  await runtime.drain(config.drainTimeoutMs);
  await runtime.stop();
  await telemetry.stop();
  logger.info("stopped");
  // Nor must a timer or a socket that an agent left behind hold it now.
  process.exit(0);
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
function notes({ access, store }: Config): string {
  const lines = [];
  if (!access.authenticating) {
    lines.push("Only this machine can call it: no authentication is configured.");
  }
  if (store.type === "memory") {
    lines.push("Everything is in memory: tasks and sessions are gone when it stops.");
  }
  return lines.map((line) => `${line}\n`).join("");
}
