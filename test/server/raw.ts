/** Requests byte by byte, for what no client library would send. */
import { once } from "node:events";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from "node:http2";
import { connect as connectSocket, type Socket } from "node:net";
import { fromJson, type JsonObject, toBinary } from "@bufbuild/protobuf";
import { z } from "zod";
import { ExecuteRequestSchema } from "../../gen/agentlane/v1/agent_service_pb.js";
import { type OutcomeError, outcomeError, statusDetails } from "../interop/client.ts";

export const EXECUTE = "/agentlane.v1.AgentService/Execute";
export const STREAM_EXECUTE = "/agentlane.v1.AgentService/StreamExecute";

export function executeRequest(agentId: string, text = "hello"): Uint8Array {
  const message = { role: "ROLE_USER", content: [{ text }] };
  return encoded({ agentId, messages: [message] });
}

export function encoded(request: JsonObject): Uint8Array {
  return toBinary(ExecuteRequestSchema, fromJson(ExecuteRequestSchema, request));
}

export function enveloped(bytes: Uint8Array, flags = 0): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flags;
  head.writeUInt32BE(bytes.byteLength, 1);
  return Buffer.concat([head, bytes]);
}

export interface GrpcAnswer {
  readonly status: number;
  /** Message bytes, out of their envelopes. */
  readonly messages: Uint8Array[];
  /** Absent = OK. */
  readonly error?: OutcomeError;
}

/** Opens a gRPC call; the request's end is up to the caller. */
export function openGrpc(
  session: ClientHttp2Session,
  path: string,
  headers: OutgoingHttpHeaders = {},
): ClientHttp2Stream {
  return session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
    ...headers,
  });
}

export async function grpcAnswer(stream: ClientHttp2Stream): Promise<GrpcAnswer> {
  let head: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  const chunks: Buffer[] = [];
  stream.on("response", (headers) => {
    head = headers;
  });
  stream.on("trailers", (headers) => {
    trailers = headers;
  });
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.on("error", () => undefined);
  if (!stream.closed) await once(stream, "close").catch(() => undefined);
  const messages = openAll(Buffer.concat(chunks));
  const answer = { status: Number(head[":status"]), messages };
  const error = grpcError({ ...head, ...trailers });
  return error ? { ...answer, error } : answer;
}

export async function callGrpc(
  port: number,
  path: string,
  body: Uint8Array,
  headers: OutgoingHttpHeaders = {},
): Promise<GrpcAnswer> {
  const session = await openSession(port);
  const stream = openGrpc(session, path, headers);
  stream.end(body);
  const answer = await grpcAnswer(stream);
  await closeSession(session);
  return answer;
}

export async function openSession(port: number): Promise<ClientHttp2Session> {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on("error", () => undefined);
  await once(session, "connect");
  return session;
}

export async function closeSession(session: ClientHttp2Session): Promise<void> {
  if (session.closed && session.destroyed) return;
  const closed = once(session, "close");
  session.destroy();
  await closed;
}

function grpcError(headers: IncomingHttpHeaders): OutcomeError | undefined {
  const code = Number(headers["grpc-status"]);
  if (code === 0) return undefined;
  const bytes = headers["grpc-status-details-bin"];
  if (typeof bytes !== "string") {
    return outcomeError(code, decodeURIComponent(String(headers["grpc-message"] ?? "")), []);
  }
  const { message, details } = statusDetails(Buffer.from(bytes, "base64"));
  return outcomeError(code, message, details);
}

function openAll(bytes: Buffer): Uint8Array[] {
  const messages: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    messages.push(bytes.subarray(at + 5, end));
    at = end;
  }
  return messages;
}

/** A connection that sends `text` and collects what comes until it is closed. */
export async function openSocket(port: number, text = ""): Promise<RawSocket> {
  const socket = connectSocket(port, "127.0.0.1");
  socket.on("error", () => undefined);
  await once(socket, "connect");
  let received = "";
  socket.on("data", (chunk) => {
    received += chunk.toString("latin1");
  });
  const closed = once(socket, "close").then(() => received);
  if (text !== "") socket.write(text);
  return { socket, closed };
}

export interface RawSocket {
  readonly socket: Socket;
  /** Resolves with what came when the connection is closed. */
  readonly closed: Promise<string>;
}

export async function postJson(
  url: string,
  path: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<{ status: number; code: string; message: string; reason: string | undefined }> {
  const response = await fetch(`${url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body,
  });
  const { code, message, details } = errorSchema.parse(JSON.parse(await response.text()));
  const reason = details.find(({ debug }) => debug?.reason !== undefined)?.debug?.reason;
  return { status: response.status, code, message, reason };
}

const errorSchema = z.object({
  code: z.string().default(""),
  message: z.string().default(""),
  details: z
    .array(z.object({ debug: z.looseObject({ reason: z.string().optional() }).optional() }))
    .default([]),
});
