/** Which protocol a request speaks, told by its headers. */
import type { IncomingHttpHeaders } from "node:http";
import { AgentlaneError } from "../errors.ts";
import type { RpcMethod } from "./rpc.ts";

export interface Protocol {
  readonly name: "grpc" | "grpc-web" | "connect" | "openai";
  readonly json: boolean;
  /** Whether messages come in envelopes: a flag byte, a length, the bytes. */
  readonly enveloped: boolean;
  /** Which header names the compression of the request. */
  readonly encodingHeader: "grpc-encoding" | "connect-content-encoding" | "content-encoding";
}

const PATTERN = /^application\/(grpc-web|grpc|connect|proto|json)(?:\+(proto|json))?(?:\s*;.*)?$/i;

/** Undefined when the content type is none that the method can be called with. */
export function protocolOf(
  contentType: string | undefined,
  kind: RpcMethod["kind"],
): Protocol | undefined {
  const match = PATTERN.exec(contentType ?? "");
  if (!match) return undefined;
  const family = match[1]?.toLowerCase();
  const codec = match[2]?.toLowerCase();
  const json = codec === "json";
  switch (family) {
    case "grpc":
      return { name: "grpc", json, enveloped: true, encodingHeader: "grpc-encoding" };
    case "grpc-web":
      return { name: "grpc-web", json, enveloped: true, encodingHeader: "grpc-encoding" };
    case "connect":
      if (codec === undefined || kind === "unary") return undefined;
      return { name: "connect", json, enveloped: true, encodingHeader: "connect-content-encoding" };
    default:
      if (codec !== undefined || kind !== "unary") return undefined;
      return {
        name: "connect",
        json: family === "json",
        enveloped: false,
        encodingHeader: "content-encoding",
      };
  }
}

/** What `protocolOf` accepts, for the answer to a request with something else. */
export function acceptedContentTypes(kind: RpcMethod["kind"]): string[] {
  const own =
    kind === "unary"
      ? ["application/json", "application/proto"]
      : ["application/connect+json", "application/connect+proto"];
  return [...own, "application/grpc", "application/grpc-web"];
}

const GRPC_UNITS_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1_000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

const TIMEOUT_HEADERS: Readonly<Record<Protocol["name"], string>> = {
  grpc: "grpc-timeout",
  "grpc-web": "grpc-timeout",
  connect: "connect-timeout-ms",
  // Ours: OpenAI's protocol has none.
  openai: "x-timeout-ms",
};

/** The caller's remaining time; undefined = no deadline. */
export function timeoutMs(
  protocol: Protocol,
  headers: IncomingHttpHeaders,
  maxTimeoutMs: number,
): number | undefined {
  const name = TIMEOUT_HEADERS[protocol.name];
  const text = headers[name];
  if (text === undefined) return undefined;
  const value = name === "grpc-timeout" ? grpcTimeoutMs(text) : plainTimeoutMs(text);
  if (value === undefined) {
    throw new AgentlaneError(
      "invalid_argument",
      "INVALID_TIMEOUT",
      `${name}: "${text}" is no timeout`,
    );
  }
  if (value > maxTimeoutMs) {
    throw new AgentlaneError(
      "invalid_argument",
      "TIMEOUT_TOO_LONG",
      `${name}: ${value} ms is longer than the ${maxTimeoutMs} ms this server allows`,
    );
  }
  return value;
}

/** The same in whichever protocol, where it can be read; who serves the call judges it. */
export function announcedTimeoutMs(headers: IncomingHttpHeaders): number | undefined {
  const { "grpc-timeout": grpc, "connect-timeout-ms": connect, "x-timeout-ms": openai } = headers;
  return grpc === undefined ? plainTimeoutMs(connect ?? openai) : grpcTimeoutMs(grpc);
}

function plainTimeoutMs(text: string | string[] | undefined): number | undefined {
  return typeof text === "string" && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

function grpcTimeoutMs(text: string | string[]): number | undefined {
  if (typeof text !== "string") return undefined;
  const match = /^(\d{1,8})([HMSmun])$/.exec(text);
  const unitMs = GRPC_UNITS_MS[match?.[2] ?? ""];
  return match && unitMs !== undefined ? Number(match[1]) * unitMs : undefined;
}
