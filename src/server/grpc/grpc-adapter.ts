/**
 * Serves binary gRPC straight on node:http2, without Connect's pipeline and without node's
 * request and response objects: most calls are of this kind, and cost a fraction so. Everything
 * else is left to the Connect adapter; both go through the same interceptors.
 */
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import { type DescMessage, type Message, toBinary } from "@bufbuild/protobuf";
import type { ConnectError } from "@connectrpc/connect";
import type { Peer } from "../../auth/contract.ts";
import type { Clock } from "../../clock.ts";
import { toWireError } from "../error-codes.ts";
import { onceClosed } from "../http-exchange.ts";
import type { Exchange, Interceptors, OnError } from "../interceptors.ts";
import type { Protocol } from "../protocol.ts";
import { replyTooLarge } from "../reply-too-large.ts";
import { type BodyLimits, readMessage } from "../request-body.ts";
import type { RpcMethod, ServerStreamingMethod, UnaryMethod } from "../rpc.ts";
import { unlessReset } from "../unless-reset.ts";
import { createReplyWriter, envelopeHead } from "./reply-writer.ts";
import { errorTrailers, STATUS_OK } from "./status.ts";

/** Answers whether it has taken the stream. */
export type GrpcAdapter = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  peer: Peer,
) => boolean;

const PROTOCOL: Protocol = {
  name: "grpc",
  json: false,
  enveloped: true,
  encodingHeader: "grpc-encoding",
};

const REPLY_HEADERS = {
  ":status": 200,
  "content-type": "application/grpc+proto",
  "grpc-accept-encoding": "identity,gzip,br",
};

export function createGrpcAdapter(
  routes: ReadonlyMap<string, RpcMethod>,
  interceptors: Interceptors,
  limits: BodyLimits,
  clock: Clock,
  onError: OnError,
): GrpcAdapter {
  const encoded = (output: DescMessage, reply: Message): Uint8Array => {
    const bytes = toBinary(output, reply);
    if (bytes.byteLength <= limits.maxMessageBytes) return bytes;
    throw replyTooLarge(reply, bytes.byteLength, limits.maxMessageBytes);
  };
  const failure = (error: unknown, method: RpcMethod): ConnectError =>
    toWireError(error, (cause) => onError(cause, method.name));

  async function serveUnary(
    method: UnaryMethod,
    exchange: Exchange,
    stream: ServerHttp2Stream,
  ): Promise<void> {
    try {
      const reply = await interceptors.unary(method, exchange);
      const bytes = encoded(method.descriptor.output, reply);
      if (isGone(stream)) return;
      stream.respond(REPLY_HEADERS, { waitForTrailers: true });
      stream.once("wantTrailers", () => stream.sendTrailers(STATUS_OK));
      stream.end(Buffer.concat([envelopeHead(bytes.byteLength), bytes]));
    } catch (error) {
      refuse(stream, failure(error, method));
    }
  }

  async function serveStream(
    method: ServerStreamingMethod,
    exchange: Exchange,
    stream: ServerHttp2Stream,
  ): Promise<void> {
    const batches = interceptors.serverStreaming(method, exchange);
    const writer = createReplyWriter(stream);
    let trailers = STATUS_OK;
    try {
      for await (const replies of batches) {
        for (const reply of replies) {
          const bytes = encoded(method.descriptor.output, reply);
          if (isGone(stream)) return;
          if (!stream.headersSent) {
            stream.respond(REPLY_HEADERS, { waitForTrailers: true });
            stream.once("wantTrailers", () => stream.sendTrailers(trailers));
          }
          if (!writer.add(bytes)) await writer.room();
        }
        writer.flush();
      }
    } catch (error) {
      trailers = errorTrailers(failure(error, method));
    }
    if (isGone(stream)) return;
    if (stream.headersSent) writer.end();
    else respondTrailersOnly(stream, trailers);
  }

  return (stream, headers, peer) => {
    const method = routes.get(headers[":path"] ?? "");
    if (!method || method.kind === "bidi_streaming" || !isBinaryGrpc(headers)) return false;
    unlessReset(stream, () => {
      const exchange = createExchange(method, peer, stream, headers, limits, clock);
      if (method.kind === "unary") void serveUnary(method, exchange, stream);
      else void serveStream(method, exchange, stream);
    });
    return true;
  };
}

/** Reset by the client, or its connection is closed: nothing can be written any more. */
function isGone(stream: ServerHttp2Stream): boolean {
  return stream.destroyed || stream.closed;
}

function isBinaryGrpc(headers: IncomingHttpHeaders): boolean {
  const type = headers["content-type"];
  return (
    (type === "application/grpc" || type === "application/grpc+proto") &&
    headers[":method"] === "POST"
  );
}

function createExchange(
  method: RpcMethod,
  peer: Peer,
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  limits: BodyLimits,
  clock: Clock,
): Exchange {
  const encoding = headers["grpc-encoding"];
  const body = {
    source: stream,
    protocol: PROTOCOL,
    encoding: typeof encoding === "string" ? encoding : undefined,
    contentLength: headers["content-length"],
  };
  return {
    protocol: PROTOCOL,
    headers,
    peer,
    read: () => readMessage(method.descriptor.input, body, limits, clock),
    onClose: onceClosed(stream),
    reset: () => stream.close(constants.NGHTTP2_CANCEL),
  };
}

function refuse(stream: ServerHttp2Stream, error: ConnectError): void {
  if (!isGone(stream)) respondTrailersOnly(stream, errorTrailers(error));
}

function respondTrailersOnly(
  stream: ServerHttp2Stream,
  trailers: ReturnType<typeof errorTrailers>,
): void {
  stream.respond({ ...REPLY_HEADERS, ...trailers }, { endStream: true });
  if (stream.readableEnded) return;
  // Tells the client to stop sending a body that nobody reads; after the headers are on their way,
  // or nghttp2 would drop them.
  stream.once("finish", () => setImmediate(() => stream.close(constants.NGHTTP2_NO_ERROR)));
}
