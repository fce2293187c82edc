/** What is told of a call: its SERVER span, a child of the client's when its headers name one, and how long it took. */
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
import type { Clock } from "../clock.ts";
import { METRICS } from "../telemetry/metric-definitions.ts";
import type { Metrics } from "../telemetry/metrics.ts";
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
  RPC_SYSTEM_OPENAI,
  SCOPE_NAME,
} from "../telemetry/names.ts";
import type { Protocol } from "./protocol.ts";

/** Begins to watch a call. */
export type StartCallSpan = (
  name: string,
  protocol: Protocol,
  headers: IncomingHttpHeaders,
) => CallSpan;

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

/** `name` is bounded: it is that of a method or a route that we serve. */
export function createCallSpans(metrics: Metrics, clock: Clock): StartCallSpan {
  const durations = metrics.histogram(METRICS.callDuration);
  return (name, protocol, headers) => {
    const startedAt = clock.monotonic();
    const { run, end } = startSpan(name, protocol, headers);
    let ended = false;
    return {
      run,
      end(code = Code.OK) {
        if (ended) return;
        ended = true;
        const codeName = Code[code] ?? "UNKNOWN";
        const seconds = (clock.monotonic() - startedAt) / 1000;
        const errorType = code === Code.OK ? "" : codeName;
        durations.record(seconds, systemOf(protocol), name, codeName, errorType);
        end(code);
      },
    };
  };
}

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

/** Ended once. */
function startSpan(name: string, protocol: Protocol, headers: IncomingHttpHeaders): CallSpan {
  const parent = propagation.extract(ROOT_CONTEXT, headers, getter);
  const attributes = kindOfCall(name, protocol);
  const authority = headers[":authority"] ?? headers.host;
  if (typeof authority === "string") attributes[ATTR_SERVER_ADDRESS] = hostOf(authority);
  // Asked for at every call: a tracer that is kept belongs to the first provider for ever.
  const tracer = trace.getTracer(SCOPE_NAME);
  const span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, parent);
  if (!span.isRecording() && !isSpanContextValid(span.spanContext())) return UNTRACED;
  const active = trace.setSpan(parent, span);
  return {
    run: (work) => context.with(active, work),
    end: (code) => endSpan(span, code ?? Code.OK),
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
  return { [ATTR_RPC_SYSTEM_NAME]: systemOf(protocol), [ATTR_RPC_METHOD]: name };
}

function systemOf({ name }: Protocol): string {
  if (name === "openai") return RPC_SYSTEM_OPENAI;
  return name === "connect" ? RPC_SYSTEM_CONNECT : RPC_SYSTEM_GRPC;
}

/** Without the port. */
function hostOf(authority: string): string {
  const colonAt = authority.lastIndexOf(":");
  return colonAt > authority.lastIndexOf("]") ? authority.slice(0, colonAt) : authority;
}
