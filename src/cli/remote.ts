/** Commands that call a server: how it is reached, and who ends the call. */
import { readFileSync } from "node:fs";
import {
  type AgentlaneClient,
  AgentlaneError as CallError,
  type ConnectOptions,
  connect,
} from "../../sdk/typescript/src/node.ts";
import { DEFAULT_RETRY, Scope } from "../../sdk/typescript/src/scope.ts";
import {
  type Command,
  type CommandSpec,
  type ConnectionSettings,
  type Context,
  type Given,
  type Operands,
  type Options,
  valuesOf,
} from "./command.ts";
import { EXIT, failureOf, report, usageError } from "./failure.ts";
import { file, flag, text } from "./options.ts";

export interface Remote {
  readonly terminal: Context["terminal"];
  readonly url: string;
  readonly client: AgentlaneClient;
  /** Limit on a call, retries included. */
  readonly timeoutMs: number;
  /** The same for a stream; undefined = as long as it lasts. */
  readonly streamTimeoutMs: number | undefined;
  /** Aborts when the user interrupts. */
  readonly signal: AbortSignal;
  /** Takes Ctrl-C from the command line: `handle` is called and `signal` stays as it is. */
  onInterrupt(handle: () => void): void;
  readonly isJson: boolean;
}

const group = "Connection";

const CONNECTION = {
  json: flag("Print JSON, for programs"),
  url: text("URL", "Where the server is (AGENTLANE_URL, else http://localhost:50051)", { group }),
  "api-key": text("KEY", "API key; better set as AGENTLANE_API_KEY, others see it here", { group }),
  ca: file("PEM of the authorities to trust (AGENTLANE_CA)", { group }),
  cert: file("PEM of the client certificate (AGENTLANE_CERT)", { group }),
  key: file("PEM of its key (AGENTLANE_KEY)", { group }),
  timeout: text(
    "SECONDS",
    "Limit on the command; streams have none by default (AGENTLANE_TIMEOUT)",
    {
      group,
    },
  ),
};

const VARIABLES = {
  url: "AGENTLANE_URL",
  "api-key": "AGENTLANE_API_KEY",
  ca: "AGENTLANE_CA",
  cert: "AGENTLANE_CERT",
  key: "AGENTLANE_KEY",
  timeout: "AGENTLANE_TIMEOUT",
} as const;

interface RemoteSpec<O extends Options, P extends Operands> extends CommandSpec<O, P, Remote> {
  /** Lasts as long as it lasts, and goes on when the server is away for a minute. */
  readonly isStream?: boolean;
}

export function remoteCommand<const O extends Options, const P extends Operands>(
  spec: RemoteSpec<O, P>,
): Command {
  const { name, summary, details = "", operands, isStream = false } = spec;
  const run = async (given: Given, { terminal, connection }: Context): Promise<number> => {
    const reach = valuesOf({ options: CONNECTION, operands: {} }, given);
    const isJson = reach.json;
    const settings = connection(variablesOf(reach));
    const values = valuesOf(spec, given);
    const { url } = settings;
    const { timeoutMs } = settings;
    const streamTimeoutMs = reach.timeout === undefined ? undefined : timeoutMs;
    const interrupts = listenForInterrupts();
    const client = connect(url, connectOptions(settings, isStream));
    try {
      const how = { terminal, client, timeoutMs, streamTimeoutMs, url, isJson };
      const exitCode = await spec.run(values, { ...how, ...interrupts });
      return interrupts.signal.aborted ? exitCodeOf(interrupts.signal) : exitCode;
    } catch (error) {
      if (interrupts.signal.aborted) return exitCodeOf(interrupts.signal);
      if (!(error instanceof CallError)) throw error;
      return report(terminal, isJson, failureOf(error, url));
    } finally {
      client.close();
      interrupts.stop();
    }
  };
  return { name, summary, details, options: { ...spec.options, ...CONNECTION }, operands, run };
}

type ConnectionGiven = { readonly [K in keyof typeof VARIABLES]: string | undefined };

function variablesOf(given: ConnectionGiven): Record<string, string> {
  if (given.url !== undefined && !/^https?:$/.test(URL.parse(given.url)?.protocol ?? "")) {
    throw usageError(`--url takes an http:// or https:// URL, not "${given.url}"`);
  }
  if (given.timeout !== undefined && !/^\d{1,7}(\.\d+)?$/.test(given.timeout)) {
    throw usageError(`--timeout takes a number of seconds, not "${given.timeout}"`);
  }
  const variables: Record<string, string> = {};
  const names = Object.entries(VARIABLES) as [keyof typeof VARIABLES, string][];
  for (const [option, variable] of names) {
    const value = given[option];
    if (value !== undefined) variables[variable] = value;
  }
  return variables;
}

/** Tries in a row without progress; with its backoff a stream goes on for about a minute. */
const STREAM_RETRY = { maxTries: 60, initialBackoffMs: 200, maxBackoffMs: 2000 };

function connectOptions(settings: ConnectionSettings, isStream: boolean): ConnectOptions {
  const { apiKey, caFile, certFile, keyFile } = settings;
  const tls = {
    ...(caFile !== undefined && { ca: readFileSync(caFile) }),
    ...(certFile !== undefined && { cert: readFileSync(certFile) }),
    ...(keyFile !== undefined && { key: readFileSync(keyFile) }),
  };
  return { apiKey, tls, ...(isStream && { retry: STREAM_RETRY }) };
}

/** The process's signals until stopped; a second one ends it at once, whatever the command does. */
function listenForInterrupts() {
  const controller = new AbortController();
  let handle = (): void => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    controller.abort(EXIT.interrupted);
  };
  const onInterrupt = (): void => handle();
  const onTerminate = (): void => controller.abort(EXIT.terminated);
  process.on("SIGINT", onInterrupt);
  process.on("SIGTERM", onTerminate);
  return {
    signal: controller.signal,
    onInterrupt(own: () => void): void {
      handle = own;
    },
    stop(): void {
      process.off("SIGINT", onInterrupt);
      process.off("SIGTERM", onTerminate);
    },
  };
}

function exitCodeOf(signal: AbortSignal): number {
  return typeof signal.reason === "number" ? signal.reason : EXIT.interrupted;
}

type Call<T> = Parameters<typeof Scope.prototype.repeat<T>>[0];

/** Calls, and calls again after a broken connection: for what may be done twice. */
export function repeated<T>(remote: Remote, call: Call<T>): Promise<T> {
  return new Scope(callOptions(remote), DEFAULT_RETRY).repeat(call);
}

/** Calls once, because the first call may have been done although nothing was heard of it. */
export function once<T>(remote: Remote, call: Call<T>): Promise<T> {
  return new Scope(callOptions(remote), { ...DEFAULT_RETRY, maxTries: 1 }).repeat(call);
}

/** For the SDK's own operations but streams. */
export function callOptions({ timeoutMs, signal }: Remote) {
  return { deadlineMs: timeoutMs, signal };
}
