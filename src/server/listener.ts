/**
 * One port for HTTP/2 and HTTP/1.1, with or without TLS: a connection that opens with the HTTP/2
 * preface goes to the http2 server, any other to the http server. (node:http2 alone serves both on
 * one port only under TLS.)
 */
import { once } from "node:events";
import { createServer as createHttp1Server, type Server as Http1Server } from "node:http";
import { createServer as createHttp2Server, type Http2Server } from "node:http2";
import { createServer as createNetServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { Clock } from "../clock.ts";
import { AgentlaneError } from "../errors.ts";
import { trackSessions } from "./http2-sessions.ts";
import { createOffenders, isOffence, type Offenders } from "./offenders.ts";
import type { ServerOptions } from "./options.ts";
import { takeTurn } from "./turns.ts";

export interface Listener {
  readonly http1: Http1Server;
  readonly http2: Http2Server;
  listen(): Promise<void>;
  /** Where it listens; throws before `listen`. */
  address(): { host: string; port: number };
  /** Takes no new connections; those that exist go on. */
  stopListening(): void;
  /** Asks idle connections to end; those with calls end after them. */
  closeIdle(): void;
  /** Ends every connection now. Resolves when all sockets are closed. */
  destroy(): Promise<void>;
  /** Sockets open now. */
  connectionCount(): number;
}

/** What every HTTP/2 connection begins with; "PRI" is no method of HTTP/1.1. */
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** Before the operating system asks a silent peer whether it is still there. */
const KEEP_ALIVE_DELAY_MS = 60_000;

/** `onError`: told when a connection could not be accepted, e.g. for want of file descriptors. */
export function createListener(
  options: ServerOptions,
  clock: Clock,
  onError: (error: unknown) => void,
): Listener {
  const http1 = http1Server(options);
  const http2 = http2Server(options);
  const acceptor = acceptorFor(options);
  const offenders = createOffenders(clock);
  const sockets = limitConnections(acceptor, offenders, options);
  const sessions = trackSessions(http2, options.idleTimeoutMs, offenders, clock);
  let acceptorClosed: Promise<void> | undefined;

  acceptor.on(options.tls ? "secureConnection" : "connection", (socket: Socket) => {
    takeTurn(() => serve(socket));
  });

  function serve(socket: Socket): void {
    if (socket.destroyed) return;
    const address = socket.remoteAddress ?? "";
    detectHttp2(socket, clock, options.headerTimeoutMs, (isHttp2) => {
      if (!isHttp2) {
        socket.on("error", (error) => {
          if (isOffence(error)) offenders.take(address);
        });
      }
      (isHttp2 ? http2 : http1).emit("connection", socket);
    });
  }

  return {
    http1,
    http2,
    async listen() {
      acceptor.listen(options.port, options.host);
      await once(acceptor, "listening");
      acceptor.on("error", onError);
      // The http server never listens itself; it starts its time limits when told that it does.
      http1.emit("listening");
    },
    address() {
      const address = acceptor.address();
      if (address === null || typeof address === "string") {
        throw new AgentlaneError("unavailable", "NOT_LISTENING", "the server is not listening");
      }
      return { host: address.address, port: address.port };
    },
    stopListening() {
      if (acceptor.listening)
        acceptorClosed = new Promise((resolve) => acceptor.close(() => resolve()));
    },
    closeIdle() {
      http1.closeIdleConnections();
      for (const session of sessions) session.close();
    },
    async destroy() {
      const closed = [...sockets].map((socket) =>
        socket.closed ? undefined : once(socket, "close").catch(() => undefined),
      );
      for (const session of sessions) session.destroy();
      for (const socket of sockets) socket.destroy();
      http1.close();
      await Promise.all([...closed, acceptorClosed]);
    },
    connectionCount: () => sockets.size,
  };
}

function acceptorFor({ tls, headerTimeoutMs }: ServerOptions): Server {
  const keepAlive = { keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS, noDelay: true };
  if (!tls) return createNetServer(keepAlive);
  const mutual = tls.clientCa
    ? { ca: tls.clientCa, requestCert: true, rejectUnauthorized: !tls.clientCertificateOptional }
    : {};
  return createTlsServer({
    ...keepAlive,
    ...mutual,
    cert: tls.cert,
    key: tls.key,
    minVersion: "TLSv1.2",
    ALPNProtocols: ["h2", "http/1.1"],
    handshakeTimeout: headerTimeoutMs,
  });
}

function http1Server(options: ServerOptions): Http1Server {
  const server = createHttp1Server({
    maxHeaderSize: options.maxHeaderBytes,
    headersTimeout: options.headerTimeoutMs,
    requestTimeout: options.headerTimeoutMs + options.bodyTimeoutMs,
    keepAliveTimeout: options.idleTimeoutMs,
    connectionsCheckingInterval: Math.max(100, Math.min(options.headerTimeoutMs, 5_000)),
  });
  // Nothing has moved: a reply that the client does not read ends, a silent call goes on.
  server.setTimeout(options.idleTimeoutMs, (socket) => {
    if (socket.writableLength > 0) socket.destroy();
  });
  return server;
}

function http2Server(options: ServerOptions): Http2Server {
  return createHttp2Server({
    settings: {
      maxConcurrentStreams: options.maxConcurrentStreams,
      maxHeaderListSize: options.maxHeaderBytes,
      enablePush: false,
    },
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    maxSettings: 32,
    // Of frames that end no call too; those that end one are counted in http2-sessions.ts.
    streamResetBurst: 1_000,
    streamResetRate: 200,
  });
}

/** Counts connections, closes what is over a limit, and keeps the open ones. */
function limitConnections(
  acceptor: Server,
  offenders: Offenders,
  options: ServerOptions,
): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  const countByAddress = new Map<string, number>();
  acceptor.on("connection", (socket: Socket) => {
    const address = socket.remoteAddress ?? "";
    const count = countByAddress.get(address) ?? 0;
    const isTooMany =
      sockets.size >= options.maxConnections || count >= options.maxConnectionsPerAddress;
    if (isTooMany || offenders.waitMs(address) > 0) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    countByAddress.set(address, count + 1);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => {
      sockets.delete(socket);
      const left = (countByAddress.get(address) ?? 1) - 1;
      if (left > 0) countByAddress.set(address, left);
      else countByAddress.delete(address);
    });
  });
  // A handshake that fails is the client's affair.
  acceptor.on("tlsClientError", (_error: Error, socket: Socket) => socket.destroy());
  return sockets;
}

/** Looks at the first bytes and leaves them to be read. Destroys a socket that sends none in time. */
function detectHttp2(
  socket: Socket,
  clock: Clock,
  timeoutMs: number,
  decided: (isHttp2: boolean) => void,
): void {
  let seen = Buffer.alloc(0);
  const timer = clock.setTimer(timeoutMs, () => socket.destroy());
  const stop = (): void => {
    timer.clear();
    socket.off("readable", look);
    socket.off("close", stop);
  };
  const look = (): void => {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    seen = Buffer.concat([seen, chunk]);
    const length = Math.min(seen.length, PREFACE.length);
    const isPrefix = seen.subarray(0, length).equals(PREFACE.subarray(0, length));
    if (isPrefix && length < PREFACE.length) return;
    stop();
    socket.unshift(seen);
    decided(isPrefix);
  };
  socket.on("readable", look);
  socket.once("close", stop);
  // TLS hands the socket over with its first bytes already read.
  look();
}
