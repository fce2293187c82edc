/** Trace context across processes: W3C headers in a request or a queue message. */
import { type Context, context, propagation, ROOT_CONTEXT } from "@opentelemetry/api";

/** traceparent, tracestate and baggage, as far as there are any. */
export type TraceHeaders = { [name: string]: string };

/** The headers that carry `from`; empty when tracing is off. */
export function injectTrace(from: Context = context.active()): TraceHeaders {
  const headers: TraceHeaders = {};
  propagation.inject(from, headers);
  return headers;
}

/** The context that the headers carry, without anything of the active one. Unreadable ones count as absent. */
export function extractTrace(headers: TraceHeaders | Headers): Context {
  const get =
    headers instanceof Headers
      ? (name: string) => headers.get(name) ?? undefined
      : (name: string) => headers[name];
  return propagation.extract(ROOT_CONTEXT, headers, {
    keys: () => propagation.fields(),
    get: (_carrier, name) => get(name),
  });
}

/** The ids in a traceparent header; empty without one. */
export function traceIdsOf(headers: Readonly<TraceHeaders>): { traceId: string; spanId: string } {
  const found = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-/.exec(headers.traceparent ?? "");
  return { traceId: found?.[1] ?? "", spanId: found?.[2] ?? "" };
}
