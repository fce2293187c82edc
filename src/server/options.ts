/** The limits of the server. Every axis has one. */

export interface TlsOptions {
  /** PEM. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
  /** PEM of the authorities of client certificates. */
  readonly clientCa?: string;
  /** Whether clients without a certificate of theirs are let in, to show another credential. */
  readonly clientCertificateOptional?: boolean;
}

export interface ServerOptions {
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  /** Absent = cleartext. */
  readonly tls?: TlsOptions;
  /** Whether clients may ask for the contract (grpc.reflection). */
  readonly reflection: boolean;
  /** Origins whose pages may call; pages of our own always may. */
  readonly corsOrigins: readonly string[];
  /** Open connections; more are closed at once. */
  readonly maxConnections: number;
  /** Open connections of one remote address; more are closed at once. */
  readonly maxConnectionsPerAddress: number;
  /** Open calls of one HTTP/2 connection. */
  readonly maxConcurrentStreams: number;
  /** Header list of a request. */
  readonly maxHeaderBytes: number;
  /** A request's body after decompression, and a response message. */
  readonly maxMessageBytes: number;
  /** Nesting of objects and lists in a JSON body, and of values in a binary one. */
  readonly maxDepth: number;
  /** The longest deadline a client may ask for. */
  readonly maxTimeoutMs: number;
  /** For the TLS handshake, for the first bytes, and for the headers of an HTTP/1.1 request. */
  readonly headerTimeoutMs: number;
  /** For the body of a request. */
  readonly bodyTimeoutMs: number;
  /** A stream whose reader has taken nothing that was on offer for this long is ended. */
  readonly stallTimeoutMs: number;
  /** A connection is closed after this long without a call, or with a reply of which no byte is read. */
  readonly idleTimeoutMs: number;
  /**
   * Whether binary gRPC calls take the path written for them; off, Connect serves them too. Both
   * answer the same: the interop suite runs on both.
   */
  readonly nativeGrpc: boolean;
}

export const DEFAULT_SERVER_OPTIONS: ServerOptions = {
  host: "127.0.0.1",
  port: 50051,
  reflection: true,
  corsOrigins: [],
  maxConnections: 10_000,
  maxConnectionsPerAddress: 1_000,
  maxConcurrentStreams: 100,
  maxHeaderBytes: 16 * 1024,
  maxMessageBytes: 4 * 1024 * 1024,
  maxDepth: 64,
  maxTimeoutMs: 24 * 60 * 60 * 1000,
  headerTimeoutMs: 10_000,
  bodyTimeoutMs: 60_000,
  stallTimeoutMs: 60_000,
  idleTimeoutMs: 300_000,
  nativeGrpc: true,
};
