/**
 * Ended spans as text, on their way to the thread that exports them: a string crosses to a thread in
 * one piece, a tree of objects node by node, which takes three times as long. Both ends are of one build.
 */
import {
  type Attributes,
  createTraceState,
  type HrTime,
  type SpanContext,
} from "@opentelemetry/api";
import type { Resource } from "@opentelemetry/resources";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";

/** What is written of a span or a link's target: trace id, span id, flags, state, is remote. */
type ContextParts = [string, string, number, string, boolean];

/** In the order of `partsOf`; names of fields would be most of the text. */
type SpanParts = [
  name: string,
  kind: number,
  context: ContextParts,
  parent: ContextParts | null,
  startTime: HrTime,
  endTime: HrTime,
  duration: HrTime,
  status: ReadableSpan["status"],
  attributes: Attributes,
  events: ReadableSpan["events"],
  links: { context: ContextParts; attributes: Attributes | undefined }[],
  dropped: [attributes: number, events: number, links: number],
  scope: ReadableSpan["instrumentationScope"],
];

export function spansToText(spans: readonly ReadableSpan[]): string {
  return JSON.stringify(spans.map(partsOf));
}

/** `resource` is theirs: a process has one. */
export function spansOfText(text: string, resource: Resource): ReadableSpan[] {
  const all: SpanParts[] = JSON.parse(text);
  return all.map((parts) => spanOf(parts, resource));
}

function partsOf(span: ReadableSpan): SpanParts {
  const parent = span.parentSpanContext;
  return [
    span.name,
    span.kind,
    contextParts(span.spanContext()),
    parent ? contextParts(parent) : null,
    span.startTime,
    span.endTime,
    span.duration,
    span.status,
    span.attributes,
    span.events,
    span.links.map(({ context, attributes }) => ({ context: contextParts(context), attributes })),
    [span.droppedAttributesCount, span.droppedEventsCount, span.droppedLinksCount],
    span.instrumentationScope,
  ];
}

function spanOf(parts: SpanParts, resource: Resource): ReadableSpan {
  const [name, kind, own, parent, startTime, endTime, duration, status, attributes] = parts;
  const [, , , , , , , , , events, links, dropped, instrumentationScope] = parts;
  const context = contextOf(own);
  return {
    name,
    kind,
    spanContext: () => context,
    ...(parent && { parentSpanContext: contextOf(parent) }),
    startTime,
    endTime,
    duration,
    ended: true,
    status,
    attributes,
    events,
    links: links.map((link) => ({
      context: contextOf(link.context),
      ...(link.attributes && { attributes: link.attributes }),
    })),
    droppedAttributesCount: dropped[0],
    droppedEventsCount: dropped[1],
    droppedLinksCount: dropped[2],
    instrumentationScope,
    resource,
  };
}

function contextParts(context: SpanContext): ContextParts {
  const { traceId, spanId, traceFlags, traceState, isRemote } = context;
  return [traceId, spanId, traceFlags, traceState?.serialize() ?? "", isRemote === true];
}

function contextOf([traceId, spanId, traceFlags, state, isRemote]: ContextParts): SpanContext {
  return {
    traceId,
    spanId,
    traceFlags,
    isRemote,
    ...(state && { traceState: createTraceState(state) }),
  };
}
