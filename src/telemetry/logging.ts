/** Logs: one JSON object per line, with the ids of the active span. */
import { isSpanContextValid, trace } from "@opentelemetry/api";
import { type DestinationStream, destination, pino, stdTimeFunctions } from "pino";
import { AgentlaneError } from "../errors.ts";
import { redact } from "../redact.ts";

/** What the parts need of a logger. Fields named `error` take any thrown value. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds these fields to each of its records. */
  child(fields: LogFields): Logger;
}

/** Never message content, never credentials. */
export type LogFields = Readonly<Record<string, unknown>>;

export interface LoggingOptions {
  readonly level: "trace" | "debug" | "info" | "warn" | "error" | "fatal" | "silent";
  readonly format: "json" | "pretty";
  /** Cut out of every line, whatever part of the program or of a library has put them there. */
  readonly secrets?: readonly string[];
  /** Receives each line with its line feed. Default: standard output. */
  readonly write?: (line: string) => void;
}

/** Hidden wherever they appear, in case a field record is passed on whole. */
const SECRET_KEYS: ReadonlySet<string> = new Set([
  "authorization",
  "cookie",
  "password",
  "secret",
  "token",
  "apiKey",
  "api_key",
  "x-api-key",
]);
const HIDDEN = "***";
/** What lies deeper is left out: records are flat, and a circle has no end. */
const MAX_DEPTH = 8;

const MAX_CAUSES = 8;

export function createLogger(options: LoggingOptions): Logger {
  const write = options.write;
  const printed: DestinationStream = write ? { write } : destination(1);
  const secrets = (options.secrets ?? []).map((secret) => JSON.stringify(secret).slice(1, -1));
  const sink: DestinationStream = { write: (line) => printed.write(redact(line, secrets)) };
  const output: DestinationStream =
    options.format === "pretty" ? { write: (line) => sink.write(pretty(line)) } : sink;
  const logger = pino(
    {
      level: options.level,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: hideSecrets },
      messageKey: "message",
      serializers: { error: describeError },
      mixin: activeSpanIds,
    },
    output,
  );
  return wrap(logger);
}

/** Discards everything; for tests and libraries. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};

function wrap(logger: pino.Logger): Logger {
  return {
    debug: (message, fields = {}) => logger.debug(fields, message),
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
    error: (message, fields = {}) => logger.error(fields, message),
    child: (fields) => wrap(logger.child(hideSecrets(fields))),
  };
}

/**
 * The same record without the values of SECRET_KEYS. (pino's own `redact` with paths at three depths
 * takes 45 µs a line, ten times what the line itself takes.)
 */
function hideSecrets(record: object, depth = 0): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(record).map(([key, value]) => [
      key,
      SECRET_KEYS.has(key) ? HIDDEN : withoutSecrets(value, depth),
    ]),
  );
}

/** Errors and other instances have ways of their own into a line. */
function withoutSecrets(value: unknown, depth: number): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (depth >= MAX_DEPTH) return HIDDEN;
  if (Array.isArray(value)) return value.map((each) => withoutSecrets(each, depth + 1));
  return isPlain(value) ? hideSecrets(value, depth + 1) : value;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function activeSpanIds(): object {
  const span = trace.getActiveSpan()?.spanContext();
  if (!span || !isSpanContextValid(span)) return {};
  return { trace_id: span.traceId, span_id: span.spanId };
}

/** Only known properties: errors of HTTP clients carry requests, headers and bodies with them. */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: String(error) };
  const causes: string[] = [];
  let cause = error.cause;
  while (cause !== undefined && causes.length < MAX_CAUSES) {
    causes.push(cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause));
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return {
    type: error.name,
    message: error.message,
    ...(error instanceof AgentlaneError ? { kind: error.kind, reason: error.reason } : {}),
    ...(causes.length > 0 ? { causes } : {}),
    stack: error.stack,
  };
}

const COLORS = new Map<unknown, number>([
  ["debug", 90],
  ["info", 36],
  ["warn", 33],
  ["error", 31],
]);

/** A record for people: time, level, message, then the fields; the stack on lines of its own. */
function pretty(line: string): string {
  const record: Record<string, unknown> = JSON.parse(line);
  const { time, level, message, pid: _pid, hostname: _hostname, error, ...fields } = record;
  const rest = Object.entries(fields).map(([key, value]) => ` ${key}=${JSON.stringify(value)}`);
  const head = `${String(time).slice(11, 23)} \u001b[${COLORS.get(level) ?? 0}m${level}\u001b[0m`;
  return `${head} ${message}${rest.join("")}${stackOf(error)}\n`;
}

function stackOf(error: unknown): string {
  if (typeof error !== "object" || error === null) return "";
  const text = "stack" in error ? error.stack : "message" in error ? error.message : "";
  return `\n    ${String(text).replaceAll("\n", "\n    ")}`;
}
