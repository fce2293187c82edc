/** "@agentlane/sdk/grpc-js": the same client over @grpc/grpc-js, as a transport of Connect. */
import {
  create,
  type DescMessage,
  type DescMethod,
  fromBinary,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import {
  type CallOptions,
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  type ClientReadableStream,
  credentials,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import { StatusSchema } from "../gen/google/rpc/status_pb.js";
import { AgentlaneClient, type ClientOptions } from "./client.ts";
import type { TlsOptions } from "./node.ts";
import { traceHeaders } from "./trace-context.ts";

export * from "./api.ts";

export interface ConnectOptions extends ClientOptions {
  readonly tls?: TlsOptions;
  /** grpc-js's own, e.g. keepalive; https://github.com/grpc/grpc-node/tree/master/packages/grpc-js. */
  readonly channel?: ChannelOptions;
}

/** `url`: `http://host:port` (cleartext) or `https://…`. Connects with the first call. */
export function connect(url: string, options: ConnectOptions = {}): AgentlaneClient {
  const { protocol, hostname, port } = new URL(url);
  const isTls = protocol === "https:";
  const address = `${hostname}:${port || (isTls ? 443 : 80)}`;
  const client = new Client(address, isTls ? tlsOf(options.tls) : credentials.createInsecure(), {
    // Connect's own limit is the server's; this one would be lower.
    "grpc.max_receive_message_length": -1,
    // A second by default, in which tries would fail at once.
    "grpc.initial_reconnect_backoff_ms": 20,
    "grpc.max_reconnect_backoff_ms": 5000,
    // While calls are open: a network that dies silently is noticed.
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 10_000,
    ...options.channel,
  });
  return new AgentlaneClient(grpcJsTransport(client), options, () => client.close(), traceHeaders);
}

function tlsOf({ ca, cert, key }: TlsOptions = {}): ChannelCredentials {
  const pem = (value: string | Buffer | undefined) => (value ? Buffer.from(value) : null);
  return credentials.createSsl(pem(ca), pem(key), pem(cert));
}

/** Only what the generated clients of this package use: no interceptors, no streaming requests. */
function grpcJsTransport(client: Client): Transport {
  return {
    async unary(method, signal, timeoutMs, header, input) {
      const call = callOf(method, timeoutMs, header);
      const { promise, resolve, reject } =
        Promise.withResolvers<MessageShape<typeof method.output>>();
      const running = client.makeUnaryRequest(
        call.path,
        call.serialize,
        call.deserialize,
        create(method.input, input),
        call.metadata,
        call.options,
        (error, reply) => (reply ? resolve(reply) : reject(connectError(error))),
      );
      const unbind = cancelOn(signal, () => running.cancel());
      const message = await promise.finally(unbind);
      const answer = { stream: false as const, service: method.parent, method, message };
      return { ...answer, header: new Headers(), trailer: new Headers() };
    },
    async stream(method, signal, timeoutMs, header, input) {
      const call = callOf(method, timeoutMs, header);
      const first = await onlyOf(input);
      const running = client.makeServerStreamRequest(
        call.path,
        call.serialize,
        call.deserialize,
        create(method.input, first),
        call.metadata,
        call.options,
      );
      // Told to whoever reads; before that it must not end the process.
      running.on("error", () => undefined);
      const unbind = cancelOn(signal, () => running.cancel());
      const answer = { stream: true as const, service: method.parent, method };
      const message = repliesOf(running, unbind);
      return { ...answer, message, header: new Headers(), trailer: new Headers() };
    },
  };
}

/** A server-streaming call has one request. */
async function onlyOf<T>(input: AsyncIterable<T>): Promise<T | undefined> {
  for await (const request of input) return request;
  return undefined;
}

async function* repliesOf<T>(
  running: ClientReadableStream<T>,
  unbind: () => void,
): AsyncGenerator<T> {
  try {
    for await (const reply of running) yield reply;
  } catch (error) {
    throw connectError(error);
  } finally {
    unbind();
    running.cancel();
  }
}

function callOf<I extends DescMessage, O extends DescMessage>(
  method: DescMethod & { input: I; output: O },
  timeoutMs: number | undefined,
  header: Parameters<Transport["unary"]>[3],
) {
  const metadata = new Metadata();
  new Headers(header).forEach((value, name) => void metadata.set(name, value));
  const options: CallOptions =
    timeoutMs === undefined ? {} : { deadline: new Date(Date.now() + timeoutMs) };
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    serialize: (message: MessageShape<I>) => Buffer.from(toBinary(method.input, message)),
    deserialize: (bytes: Buffer) => fromBinary(method.output, bytes),
    metadata,
    options,
  };
}

function cancelOn(signal: AbortSignal | undefined, cancel: () => void): () => void {
  if (signal?.aborted) cancel();
  signal?.addEventListener("abort", cancel, { once: true });
  return () => signal?.removeEventListener("abort", cancel);
}

/** grpc-js leaves the percent-encoding in `details`; the status in the trailers has it plain. */
function connectError(cause: unknown): ConnectError {
  const { code = Code.Unknown, details, metadata } = cause as Partial<ServiceError>;
  const [bytes] = metadata?.get("grpc-status-details-bin") ?? [];
  if (!Buffer.isBuffer(bytes)) return errorOf(code, details ?? String(cause), cause);
  const status = fromBinary(StatusSchema, bytes);
  const error = errorOf(status.code, status.message, cause);
  error.details = status.details.map(({ typeUrl, value }) => {
    return { type: typeUrl.split("/").at(-1) ?? "", value };
  });
  return error;
}

/** The numbers of both libraries are gRPC's. */
function errorOf(code: number, message: string, cause: unknown): ConnectError {
  const known = code in Code ? code : Code.Unknown;
  return new ConnectError(message, known, undefined, undefined, cause);
}
