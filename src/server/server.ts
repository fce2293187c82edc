/** The server: one port, all services, drained before it stops. */
import { createServer as createHttp2Server, type ServerHttp2Stream } from "node:http2";
import { isIP } from "node:net";
import type { Admission, Authenticate } from "../auth/contract.ts";
import type { Clock } from "../clock.ts";
import { AgentlaneError } from "../errors.ts";
import { type Service, service } from "../lifecycle.ts";
import { ANYBODY } from "../tasks/principal.ts";
import type { LimitRate } from "../tasks/rate-limit.ts";
import type { AuditLog } from "../telemetry/audit-log.ts";
import { type Metrics, NO_METRICS } from "../telemetry/metrics.ts";
import { agentService } from "./agent-service.ts";
import { createCallAudits } from "./call-audit.ts";
import { createCallSpans } from "./call-span.ts";
import { createConnectAdapter } from "./connect-adapter.ts";
import type { ConsoleFiles } from "./console-files.ts";
import { createConsolePage, type ServeConsole } from "./console-page.ts";
import { createCors } from "./cors.ts";
import { createGate, type Gate } from "./gate.ts";
import { createGrpcAdapter } from "./grpc/grpc-adapter.ts";
import type { Readiness } from "./health.ts";
import { createHttpExchange } from "./http-exchange.ts";
import { createHttpGuard } from "./http-guard.ts";
import { createInterceptors, type OnError } from "./interceptors.ts";
import { createListener, type Listener } from "./listener.ts";
import { createOpenAIAdapter } from "./openai/adapter.ts";
import { operationsService } from "./operations-service.ts";
import type { ServerOptions } from "./options.ts";
import { createPeers } from "./peers.ts";
import { createRoutes, type ServiceParts } from "./routes.ts";
import { unlessReset } from "./unless-reset.ts";
import { createValidation } from "./validation.ts";

export interface ServerParts extends ServiceParts {
  /** Absent: everybody is the default tenant, and the server listens on loopback only. */
  readonly authenticate?: Authenticate;
  readonly limitRate: LimitRate;
  /** Absent: the console is off. `files` undefined: it has not been built. */
  readonly webConsole?: { readonly files: ConsoleFiles | undefined } | undefined;
  readonly options: ServerOptions;
  readonly clock: Clock;
  /** Default: off. */
  readonly metrics?: Metrics;
  /** Absent: none is kept. Who makes it starts and stops it. */
  readonly auditLog?: AuditLog | undefined;
  readonly onError: OnError;
}

export interface Server extends Service {
  /** Where it listens; throws while it does not. */
  address(): { host: string; port: number };
  /**
   * Turns new work away with UNAVAILABLE, takes no new connections, and resolves when the running
   * calls are done (true) or after `timeoutMs` (false). On open connections questions are answered
   * until `stop`, which ends what is left: calls that end within a second of it still tell their
   * clients how.
   */
  drain(timeoutMs: number): Promise<boolean>;
  /** Calls under way; health and reflection are not counted. */
  readonly inFlightCount: number;
  /** Connections open now. */
  readonly connectionCount: number;
}

const EVERYBODY: Admission = { principal: ANYBODY };

/** How long a stop waits for calls that are about to end. */
const LAST_WORDS_MS = 1000;

interface Running {
  readonly listener: Listener;
  readonly gate: Gate;
  readonly announceDrain: () => void;
}

export function createServer(parts: ServerParts): Server {
  let running: Running | undefined;
  const { start, stop } = service(
    async () => {
      refuseOpenDoor(parts);
      running = assemble(parts);
      await running.listener.listen();
    },
    async () => {
      const ending = running;
      running = undefined;
      if (ending) await end(ending, parts.clock);
    },
  );
  return {
    start,
    stop,
    address() {
      if (running) return running.listener.address();
      throw new AgentlaneError("unavailable", "NOT_LISTENING", "the server is not listening");
    },
    async drain(timeoutMs) {
      if (!running) return true;
      const { gate, listener, announceDrain } = running;
      gate.drain();
      announceDrain();
      listener.stopListening();
      const done = await emptyWithin(gate, parts.clock, timeoutMs);
      // Only then: a GOAWAY makes some clients (grpc-js with keepalive) drop their running calls.
      if (done) listener.closeIdle();
      return done;
    },
    get inFlightCount() {
      return running?.gate.inFlightCount ?? 0;
    },
    get connectionCount() {
      return running?.listener.connectionCount() ?? 0;
    },
  };
}

async function end({ gate, listener }: Running, clock: Clock): Promise<void> {
  gate.close();
  listener.stopListening();
  await emptyWithin(gate, clock, LAST_WORDS_MS);
  gate.evict();
  await listener.destroy();
}

/** Whether nobody is in any more. */
async function emptyWithin(gate: Gate, clock: Clock, timeoutMs: number): Promise<boolean> {
  if (gate.inFlightCount === 0 || timeoutMs <= 0) return gate.inFlightCount === 0;
  const timeUp = new AbortController();
  const empty = await Promise.race([
    gate.empty().then(() => true),
    clock.sleep(timeoutMs, timeUp.signal).then(() => false),
  ]);
  timeUp.abort();
  return empty;
}

function assemble(parts: ServerParts): Running {
  const { options, clock, onError } = parts;
  const gate = createGate();
  const { readiness, announceDrain } = untilDrained(parts.readiness);
  const routes = createRoutes({ ...parts, readiness });
  const peers = createPeers();
  const interceptors = createInterceptors({
    gate,
    authenticate: parts.authenticate ?? (() => EVERYBODY),
    limitRate: parts.limitRate,
    validate: createValidation(),
    clock,
    maxTimeoutMs: options.maxTimeoutMs,
    stallTimeoutMs: options.stallTimeoutMs,
    startSpan: createCallSpans(parts.metrics ?? NO_METRICS, clock),
    startAudit: createCallAudits(parts.auditLog),
    onError,
  });
  const guard = createHttpGuard({
    routes,
    readiness,
    tellsProblems: parts.authenticate === undefined,
    answerOrigin: createCors(options.corsOrigins),
    refusesRebound: parts.authenticate === undefined && options.tls?.clientCa === undefined,
    corsOrigins: options.corsOrigins,
    openai: createOpenAIAdapter({
      interceptors,
      peerOf: peers.ofRequest,
      agents: agentService(parts.manager),
      operations: operationsService(parts.operations),
      limits: options,
      clock,
      onError,
    }),
    webConsole: consoleOf(parts),
    serve: createConnectAdapter(routes.values(), interceptors, options, onError),
    exchangeFor: (method, protocol, request, response) =>
      createHttpExchange(
        method,
        protocol,
        peers.ofRequest(request),
        request,
        response,
        options,
        clock,
      ),
  });
  const listener = createListener(options, clock, (error) => onError(error, "accept"));
  listener.http1.on("request", guard);
  // Never listens: it makes node's request and response objects of the streams it is handed.
  const http2Requests = createHttp2Server();
  http2Requests.on("request", (request, response) =>
    unlessReset(request.stream, () => guard(request, response)),
  );
  const grpc = options.nativeGrpc
    ? createGrpcAdapter(routes, interceptors, options, clock, onError)
    : () => false;
  listener.http2.on("session", (session) => {
    const peer = peers.ofSession(session);
    session.on("stream", (stream, headers, flags, rawHeaders) => {
      if (headerListBytes(rawHeaders) > options.maxHeaderBytes) refuseHeaders(stream);
      else if (!grpc(stream, headers, peer))
        http2Requests.emit("stream", stream, headers, flags, rawHeaders);
    });
  });
  return { listener, gate, announceDrain };
}

/** As RFC 9113, section 6.5.2, counts it. */
function headerListBytes(rawHeaders: readonly string[]): number {
  let bytes = 16 * rawHeaders.length;
  for (const text of rawHeaders) bytes += text.length;
  return bytes;
}

/** node holds a client to the limit only once the client has acknowledged it. */
function refuseHeaders(stream: ServerHttp2Stream): void {
  stream.on("error", () => undefined);
  stream.respond({ ":status": 431 }, { endStream: true });
}

/** The given readiness, and once the drain begins also that there is no entry. */
function untilDrained(readiness: Readiness): { readiness: Readiness; announceDrain: () => void } {
  let draining = false;
  const listeners = new Set<() => void>();
  return {
    readiness: {
      lacks: () =>
        draining ? [...readiness.lacks(), { need: "entry", why: "draining" }] : readiness.lacks(),
      onChange(listener) {
        listeners.add(listener);
        const unsubscribe = readiness.onChange(listener);
        return () => {
          listeners.delete(listener);
          unsubscribe();
        };
      },
    },
    announceDrain() {
      draining = true;
      for (const listener of listeners) listener();
    },
  };
}

function isGuarded({ authenticate, options: { host } }: ServerParts): boolean {
  return authenticate !== undefined || isLoopback(host);
}

/** Whoever may have no credential gets no page that acts for them. */
function consoleOf(parts: ServerParts): ServeConsole | undefined {
  return parts.webConsole && isGuarded(parts)
    ? createConsolePage(parts.webConsole.files)
    : undefined;
}

function refuseOpenDoor(parts: ServerParts): void {
  if (isGuarded(parts)) return;
  const { host } = parts.options;
  throw new AgentlaneError(
    "failed_precondition",
    "AUTHENTICATION_REQUIRED",
    `HOST is ${host}, which other machines can reach, and no authentication is configured: ` +
      "set HOST=127.0.0.1, or configure authentication",
  );
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIP(host) === 4 && host.startsWith("127."));
}
