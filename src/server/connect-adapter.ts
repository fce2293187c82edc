/**
 * Serves a method through Connect: gRPC, gRPC-web and Connect, binary and JSON.
 *
 * Connect negotiates and writes the reply. The request of unary and server-streaming methods is read
 * by our own `readMessage`, the same for all protocols: Connect decompresses and parses before any
 * code of ours could refuse, and answers INTERNAL to what it cannot parse. It is given an empty
 * message instead, and no timeout: that is ours too.
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { Message } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  createConnectRouter,
  createContextKey,
  createContextValues,
} from "@connectrpc/connect";
import {
  createAsyncIterable,
  type UniversalHandler,
  type UniversalServerRequest,
} from "@connectrpc/connect/protocol";
import {
  compressionBrotli,
  compressionGzip,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import type { Exchange, Interceptors, OnError } from "./interceptors.ts";
import type { RpcMethod } from "./rpc.ts";

export type HttpRequest = IncomingMessage | Http2ServerRequest;
export type HttpResponse = ServerResponse | Http2ServerResponse;
export type ServeRpc = (
  method: RpcMethod,
  exchange: Exchange,
  request: HttpRequest,
  response: HttpResponse,
) => void;

export interface ConnectLimits {
  readonly maxMessageBytes: number;
  readonly maxDepth: number;
}

const exchangeKey = createContextKey<Exchange | undefined>(undefined);

/** The headers that tell Connect how to write the reply. */
const REPLY_HEADERS = [
  "content-type",
  "accept-encoding",
  "grpc-accept-encoding",
  "connect-accept-encoding",
  "connect-protocol-version",
] as const;

export function createConnectAdapter(
  methods: Iterable<RpcMethod>,
  interceptors: Interceptors,
  limits: ConnectLimits,
  onError: OnError,
): ServeRpc {
  const handlers = createHandlers(methods, interceptors, limits);
  return (method, exchange, request, response) => {
    const handler = handlers.get(method.path);
    if (!handler) throw new Error(`${method.name} has no handler`);
    handler(universalRequest(method, exchange, request)).then(
      // What fails here is the connection; the call has been told by its exchange.
      (reply) => universalResponseToNodeResponse(reply, response).catch(() => response.destroy()),
      (error: unknown) => {
        onError(error, method.name);
        response.destroy();
      },
    );
  };
}

function createHandlers(
  methods: Iterable<RpcMethod>,
  interceptors: Interceptors,
  limits: ConnectLimits,
): ReadonlyMap<string, UniversalHandler> {
  const router = createConnectRouter({
    readMaxBytes: limits.maxMessageBytes,
    writeMaxBytes: limits.maxMessageBytes,
    binaryOptions: { recursionLimit: 2 * limits.maxDepth + 2 },
    acceptCompression: [compressionGzip, compressionBrotli],
  });
  for (const method of methods) {
    switch (method.kind) {
      case "unary":
        router.rpc(method.descriptor, (_, { values }) =>
          interceptors.unary(method, exchangeOf(values.get(exchangeKey))),
        );
        break;
      case "server_streaming":
        router.rpc(method.descriptor, (_, { values }) =>
          oneByOne(interceptors.serverStreaming(method, exchangeOf(values.get(exchangeKey)))),
        );
        break;
      case "bidi_streaming":
        router.rpc(method.descriptor, (requests, { values }) =>
          interceptors.bidiStreaming(method, exchangeOf(values.get(exchangeKey)), requests),
        );
    }
  }
  return new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
}

function universalRequest(
  method: RpcMethod,
  exchange: Exchange,
  request: HttpRequest,
): UniversalServerRequest {
  const bidi = method.kind === "bidi_streaming";
  const header = replyHeaders(exchange.headers);
  if (bidi) {
    const { encodingHeader } = exchange.protocol;
    const encoding = exchange.headers[encodingHeader];
    if (typeof encoding === "string") header.set(encodingHeader, encoding);
  }
  const gone = new AbortController();
  exchange.onClose(() => gone.abort(clientGone()));
  return {
    httpVersion: request.httpVersion,
    method: "POST",
    url: `http://localhost${method.path}`,
    header,
    body: bidi ? untilGone(request) : createAsyncIterable([emptyMessage(exchange.protocol)]),
    signal: gone.signal,
    contextValues: createContextValues().set(exchangeKey, exchange),
  };
}

/** A body that cannot be read to its end has lost its client; that is no fault of the call. */
async function* untilGone(request: HttpRequest): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of request) yield chunk;
  } catch {
    throw clientGone();
  }
}

function clientGone(): ConnectError {
  return new ConnectError("the client ended the call", Code.Canceled);
}

function replyHeaders(headers: IncomingHttpHeaders): Headers {
  const reply = new Headers();
  for (const name of REPLY_HEADERS) {
    const value = headers[name];
    if (typeof value === "string") reply.set(name, value);
  }
  return reply;
}

function emptyMessage({ json, enveloped }: Exchange["protocol"]): Uint8Array {
  const bytes = json ? Buffer.from("{}") : Buffer.alloc(0);
  return enveloped ? Buffer.concat([Buffer.from([0, 0, 0, 0, bytes.length]), bytes]) : bytes;
}

async function* oneByOne(batches: AsyncIterable<readonly Message[]>): AsyncGenerator<Message> {
  for await (const messages of batches) yield* messages;
}

function exchangeOf(exchange: Exchange | undefined): Exchange {
  if (!exchange) throw new Error("a call without an exchange");
  return exchange;
}
