/** The SERVER span of a call, a child of the client's when its headers name one. */
import type { IncomingHttpHeaders } from "node:http";
import {
  context,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  trace,
} from "@opentelemetry/api";
import { Code } from "../../gen/google/rpc/code_pb.js";
import {
  ATTR_ERROR_TYPE,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_ROUTE,
  ATTR_RPC_METHOD,
  ATTR_RPC_STATUS_CODE,
  ATTR_RPC_SYSTEM_NAME,
  ATTR_SERVER_ADDRESS,
  RPC_SYSTEM_CONNECT,
  RPC_SYSTEM_GRPC,
  SCOPE_NAME,
} from "../telemetry/names.ts";
import type { Protocol } from "./protocol.ts";

export interface CallSpan {
  /** Runs `work` with the span as the active one. */
  run<T>(work: () => T): T;
  /** Undefined code = OK. Idempotent. */
  end(code: number | undefined): void;
}

const getter: TextMapGetter<IncomingHttpHeaders> = {
  keys: (headers) => Object.keys(headers),
  get: (headers, key) => headers[key],
};

/** Used when nobody collects spans. */
const UNTRACED: CallSpan = { run: (work) => work(), end: () => undefined };

/** The codes that are the server's fault; the others are the client's and leave the span unset. */
const SERVER_FAULTS: ReadonlySet<number> = new Set([
  Code.UNKNOWN,
  Code.DEADLINE_EXCEEDED,
  Code.UNIMPLEMENTED,
  Code.INTERNAL,
  Code.UNAVAILABLE,
  Code.DATA_LOSS,
]);

export function startCallSpan(
  name: string,
  protocol: Protocol,
  headers: IncomingHttpHeaders,
): CallSpan {
  const parent = propagation.extract(ROOT_CONTEXT, headers, getter);
  // Asked for at every call: a tracer that is kept belongs to the first provider for ever.
  const span = trace.getTracer(SCOPE_NAME).startSpan(name, { kind: SpanKind.SERVER }, parent);
  if (!isSpanContextValid(span.spanContext())) return UNTRACED;
  const authority = headers[":authority"] ?? headers.host;
  span.setAttributes({
    ...kindOfCall(name, protocol),
    ...(typeof authority === "string" ? { [ATTR_SERVER_ADDRESS]: hostOf(authority) } : {}),
  });
  const active = trace.setSpan(parent, span);
  let ended = false;
  return {
    run: (work) => context.with(active, work),
    end(code) {
      if (ended) return;
      ended = true;
      endSpan(span, code ?? Code.OK);
    },
  };
}

function endSpan(span: Span, code: number): void {
  const codeName = Code[code] ?? "UNKNOWN";
  span.setAttribute(ATTR_RPC_STATUS_CODE, codeName);
  if (code !== Code.OK) span.setAttribute(ATTR_ERROR_TYPE, codeName);
  if (SERVER_FAULTS.has(code)) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}

/** OpenAI's protocol knows no methods but HTTP's: there the name is one and a route. */
function kindOfCall(name: string, protocol: Protocol): Record<string, string> {
  if (protocol.name === "openai") {
    const [method = "", route = ""] = name.split(" ");
    return { [ATTR_HTTP_REQUEST_METHOD]: method, [ATTR_HTTP_ROUTE]: route };
  }
  const system = protocol.name === "connect" ? RPC_SYSTEM_CONNECT : RPC_SYSTEM_GRPC;
  return { [ATTR_RPC_SYSTEM_NAME]: system, [ATTR_RPC_METHOD]: name };
}

/** Without the port. */
function hostOf(authority: string): string {
  return authority.replace(/:\d+$/, "");
}
