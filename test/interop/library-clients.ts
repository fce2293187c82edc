/** The clients that are libraries: grpc-js, Connect, connect-web, fetch. */
import {
  type DescMethod,
  type DescMethodServerStreaming,
  type DescMethodUnary,
  fromBinary,
  fromJson,
  type JsonObject,
  type JsonValue,
  type Message,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { ConnectError, type Transport } from "@connectrpc/connect";
import { createAsyncIterable } from "@connectrpc/connect/protocol";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import {
  createConnectTransport as createWebConnectTransport,
  createGrpcWebTransport as createWebGrpcWebTransport,
} from "@connectrpc/connect-web";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { z } from "zod";
import {
  type CallOptions,
  codeByName,
  fullName,
  type InteropClient,
  methodOf,
  type OutcomeError,
  outcomeError,
  statusDetails,
} from "./client.ts";

const BINARY_GRPC = new Set(["connect-node grpc", "connect-node grpc gzip"]);

export function libraryClients(url: string): InteropClient[] {
  const sessions: Http2SessionManager[] = [];
  const http2 = (): { httpVersion: "2"; baseUrl: string; sessionManager: Http2SessionManager } => {
    const sessionManager = new Http2SessionManager(url);
    sessions.push(sessionManager);
    return { httpVersion: "2", baseUrl: url, sessionManager };
  };
  const closeSessions = (): void => {
    for (const session of sessions) session.abort();
  };
  const http1 = { httpVersion: "1.1", baseUrl: url } as const;
  const gzip = { compressMinBytes: 0 };
  return [
    grpcJsClient(url),
    connectClient("connect-node grpc", createGrpcTransport(http2()), closeSessions),
    connectClient("connect-node grpc gzip", createGrpcTransport({ ...http2(), ...gzip })),
    connectClient(
      "connect-node grpc json",
      createGrpcTransport({ ...http2(), useBinaryFormat: false }),
    ),
    connectClient("connect-node grpc-web http/2", createGrpcWebTransport(http2())),
    connectClient(
      "connect-node connect http/2",
      createConnectTransport({ ...http2(), useBinaryFormat: true }),
    ),
    connectClient("connect-node connect json http/1.1", createConnectTransport(http1)),
    connectClient("connect-web grpc-web", createWebGrpcWebTransport({ baseUrl: url })),
    connectClient("connect-web connect", createWebConnectTransport({ baseUrl: url })),
    fetchClient(url),
  ];
}

/** Through grpc-js with (de)serializers of protobuf-es. */
function grpcJsClient(url: string): InteropClient {
  const client = new Client(new URL(url).host, credentials.createInsecure());
  return {
    name: "grpc-js",
    lacks: [],
    binaryGrpc: true,
    async call(rpc, request, options) {
      const method = methodOf(rpc);
      const path = `/${fullName(rpc)}`;
      const serialize = (message: Message): Buffer => Buffer.from(toBinary(method.input, message));
      const deserialize = (bytes: Buffer): Message => fromBinary(method.output, bytes);
      const input = fromJson(method.input, request);
      const settings = deadlineOf(options);
      const replies: JsonValue[] = [];
      const failure = await new Promise<ServiceError | undefined>((resolve) => {
        const add = (message: Message | undefined): void => {
          if (message) replies.push(toJson(method.output, message));
        };
        if (method.methodKind === "unary") {
          client.makeUnaryRequest(
            path,
            serialize,
            deserialize,
            input,
            new Metadata(),
            settings,
            (error, reply) => {
              add(reply);
              resolve(error ?? undefined);
            },
          );
          return;
        }
        client
          .makeServerStreamRequest(path, serialize, deserialize, input, new Metadata(), settings)
          .on("data", add)
          .on("end", () => resolve(undefined))
          .on("error", (error: ServiceError) => resolve(error));
      });
      return failure ? { replies, error: grpcJsError(failure) } : { replies };
    },
    async close() {
      client.close();
    },
  };
}

function deadlineOf(options: CallOptions | undefined): { deadline?: Date } {
  if (options?.timeoutMs === undefined) return {};
  return { deadline: new Date(Date.now() + options.timeoutMs) };
}

function grpcJsError({ code, details, metadata }: ServiceError): OutcomeError {
  const [bytes] = metadata.get("grpc-status-details-bin");
  if (!Buffer.isBuffer(bytes)) return outcomeError(code, details, []);
  const status = statusDetails(bytes);
  return outcomeError(code, status.message, status.details);
}

function connectClient(
  name: string,
  transport: Transport,
  close: () => void = () => undefined,
): InteropClient {
  return {
    name,
    lacks: [],
    binaryGrpc: BINARY_GRPC.has(name),
    async call(rpc, request, options) {
      const method = methodOf(rpc);
      const replies: JsonValue[] = [];
      try {
        for await (const reply of connectReplies(transport, method, request, options)) {
          replies.push(toJson(method.output, reply));
        }
        return { replies };
      } catch (error) {
        return { replies, error: connectError(error) };
      }
    },
    async close() {
      close();
    },
  };
}

async function* connectReplies(
  transport: Transport,
  method: DescMethod,
  request: JsonObject,
  options: CallOptions | undefined,
): AsyncGenerator<Message> {
  const input = fromJson(method.input, request);
  const { timeoutMs } = options ?? {};
  if (isUnary(method)) {
    const reply = await transport.unary(method, undefined, timeoutMs, undefined, input);
    yield reply.message;
  } else if (isServerStreaming(method)) {
    const inputs = createAsyncIterable([input]);
    const reply = await transport.stream(method, undefined, timeoutMs, undefined, inputs);
    yield* reply.message;
  }
}

function isUnary(method: DescMethod): method is DescMethodUnary {
  return method.methodKind === "unary";
}

function isServerStreaming(method: DescMethod): method is DescMethodServerStreaming {
  return method.methodKind === "server_streaming";
}

function connectError(error: unknown): OutcomeError {
  const { code, rawMessage, details } = ConnectError.from(error);
  const wire = details.flatMap((detail) => ("type" in detail ? [detail] : []));
  return outcomeError(code, rawMessage, wire);
}

/** What curl does: one POST with JSON. */
function fetchClient(url: string): InteropClient {
  return {
    name: "fetch json",
    lacks: ["streaming"],
    binaryGrpc: false,
    async call(rpc, request, options) {
      const timeout = options?.timeoutMs;
      const response = await fetch(`${url}/${fullName(rpc)}`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          ...(timeout === undefined ? {} : { "connect-timeout-ms": String(timeout) }),
        },
        body: JSON.stringify(request),
      });
      const body: JsonValue = JSON.parse(await response.text());
      if (response.ok) return { replies: [body] };
      return { replies: [], error: connectJsonError(body) };
    },
    close: async () => undefined,
  };
}

/** An error in Connect's JSON form; buf curl prints it so too. */
export function connectJsonError(json: JsonValue): OutcomeError {
  const { code, message, details } = z
    .object({
      code: z.string(),
      message: z.string().default(""),
      details: z.array(z.object({ type: z.string(), value: z.string() })).default([]),
    })
    .parse(json);
  const wire = details.map(({ type, value }) => ({ type, value: Buffer.from(value, "base64") }));
  return outcomeError(codeByName(code), message, wire);
}
