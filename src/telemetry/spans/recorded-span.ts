/** A span that is recorded: what is said of it until its end, within the limits of the specification. */
import {
  type Attributes,
  type AttributeValue,
  diag,
  type Exception,
  type HrTime,
  type Link,
  type Span,
  type SpanContext,
  type SpanKind,
  type SpanStatus,
  SpanStatusCode,
  type TimeInput,
} from "@opentelemetry/api";
import {
  AddAttributeDecision,
  cleanAttributes,
  cleanSimpleAttributes,
  isTimeInput,
  maybeAddAttribute,
  timeInputToHrTime,
} from "@opentelemetry/core";
import {
  ATTR_EXCEPTION_MESSAGE,
  ATTR_EXCEPTION_STACKTRACE,
  ATTR_EXCEPTION_TYPE,
  EVENT_EXCEPTION,
} from "../names.ts";
import type { Scope } from "./scope.ts";

/** The specification's default for attributes, events and links, and for the attributes of those. */
const MAX_COUNT = 128;
const LIMITS = {
  attributeCountLimit: MAX_COUNT,
  attributeValueLengthLimit: Number.POSITIVE_INFINITY,
};

export interface RecordedEvent {
  readonly name: string;
  readonly time: HrTime;
  readonly attributes: Attributes;
  readonly droppedAttributesCount: number;
}

export interface RecordedLink {
  readonly context: SpanContext;
  readonly attributes: Attributes;
  readonly droppedAttributesCount: number;
}

/** What a span needs of its surroundings. */
export interface SpanHost {
  readonly scope: Scope;
  /** Milliseconds since the epoch, with fractions; it keeps the order of what happens in this process. */
  now(): number;
  ended(span: RecordedSpan): void;
}

export interface SpanBeginning {
  readonly context: SpanContext;
  /** Undefined = a root. */
  readonly parent: SpanContext | undefined;
  readonly name: string;
  readonly kind: SpanKind;
  readonly attributes: Attributes | undefined;
  readonly links: readonly Link[];
  readonly startTime: TimeInput | undefined;
}

export class RecordedSpan implements Span {
  name: string;
  readonly kind: SpanKind;
  readonly parent: SpanContext | undefined;
  readonly startTime: HrTime;
  endTime: HrTime | undefined;
  attributes: Attributes;
  readonly events: RecordedEvent[] = [];
  readonly links: RecordedLink[] = [];
  status: SpanStatus = UNSET;
  droppedAttributesCount = 0;
  droppedEventsCount = 0;
  droppedLinksCount = 0;
  readonly #context: SpanContext;
  readonly #host: SpanHost;
  #attributeCount: number;

  constructor(host: SpanHost, beginning: SpanBeginning) {
    this.#host = host;
    this.#context = beginning.context;
    this.name = beginning.name;
    this.kind = beginning.kind;
    this.parent = beginning.parent;
    this.startTime = this.#time(beginning.startTime);
    const { attributes, droppedAttributesCount, count } = kept(beginning.attributes);
    this.attributes = attributes;
    this.droppedAttributesCount = droppedAttributesCount;
    this.#attributeCount = count;
    for (const link of beginning.links) this.addLink(link);
  }

  get scope(): Scope {
    return this.#host.scope;
  }

  spanContext(): SpanContext {
    return this.#context;
  }

  isRecording(): boolean {
    return this.endTime === undefined;
  }

  setAttribute(key: string, value: AttributeValue): this {
    if (!this.isRecording()) return this;
    if (isPlain(value) && Object.hasOwn(this.attributes, key)) {
      this.attributes[key] = value;
      return this;
    }
    if (isPlain(value) && key !== "" && this.#attributeCount < MAX_COUNT) {
      this.attributes[key] = value;
      this.#attributeCount++;
      return this;
    }
    const decision = maybeAddAttribute({
      key,
      value,
      attributes: this.attributes,
      limits: LIMITS,
      currentAttributesCount: this.#attributeCount,
    });
    if (decision === AddAttributeDecision.ADD_NEW) this.#attributeCount++;
    if (decision === AddAttributeDecision.DROP_LIMIT_REACHED) this.droppedAttributesCount++;
    return this;
  }

  setAttributes(attributes: Attributes): this {
    for (const key in attributes) {
      const value = Object.hasOwn(attributes, key) ? attributes[key] : undefined;
      if (value !== undefined) this.setAttribute(key, value);
    }
    return this;
  }

  addEvent(name: string, attributesOrTime?: Attributes | TimeInput, time?: TimeInput): this {
    if (!this.isRecording()) return this;
    const isTime = isTimeInput(attributesOrTime);
    const at = isTime && !isTimeInput(time) ? attributesOrTime : time;
    const given = isTime ? undefined : attributesOrTime;
    const { attributes = {}, droppedAttributesCount = 0 } = cleanSimpleAttributes(given, LIMITS);
    if (this.events.length >= MAX_COUNT) {
      this.events.shift();
      this.droppedEventsCount++;
    }
    this.events.push({ name, time: this.#time(at), attributes, droppedAttributesCount });
    return this;
  }

  addLink(link: Link): this {
    if (!this.isRecording()) return this;
    const { attributes, droppedAttributesCount } = kept(link.attributes);
    if (this.links.length >= MAX_COUNT) {
      this.links.shift();
      this.droppedLinksCount++;
    }
    this.links.push({ context: link.context, attributes, droppedAttributesCount });
    return this;
  }

  addLinks(links: Link[]): this {
    for (const link of links) this.addLink(link);
    return this;
  }

  /** OK is final, and nothing goes back to unset. */
  setStatus({ code, message }: SpanStatus): this {
    if (!this.isRecording() || this.status.code === SpanStatusCode.OK) return this;
    if (code === SpanStatusCode.UNSET) return this;
    const isTold = code === SpanStatusCode.ERROR && typeof message === "string";
    this.status = isTold ? { code, message } : { code };
    return this;
  }

  updateName(name: string): this {
    if (this.isRecording()) this.name = name;
    return this;
  }

  end(endTime?: TimeInput): void {
    if (!this.isRecording()) {
      diag.warn(`the span "${this.name}" was ended twice`);
      return;
    }
    const at = this.#time(endTime);
    this.endTime = isBefore(at, this.startTime) ? this.startTime : at;
    this.#host.ended(this);
  }

  recordException(exception: Exception, time?: TimeInput): void {
    const { code, name, message, stack } =
      typeof exception === "string" ? { message: exception } : exception;
    const type = code ? String(code) : name;
    if (!type && !message) {
      diag.warn(`an exception of the span "${this.name}" has no name, code or message`);
      return;
    }
    this.addEvent(
      EVENT_EXCEPTION,
      {
        ...(type && { [ATTR_EXCEPTION_TYPE]: type }),
        ...(message && { [ATTR_EXCEPTION_MESSAGE]: message }),
        ...(stack && { [ATTR_EXCEPTION_STACKTRACE]: stack }),
      },
      time,
    );
  }

  #time(given: TimeInput | undefined): HrTime {
    return given === undefined ? fromMs(this.#host.now()) : timeInputToHrTime(given);
  }
}

const UNSET: SpanStatus = { code: SpanStatusCode.UNSET };

interface Kept {
  readonly attributes: Attributes;
  readonly droppedAttributesCount: number;
  readonly count: number;
}

/** A copy. Where all values are plain ones, as nearly always, nothing else is to be looked at. */
function kept(given: Attributes | undefined): Kept {
  const copy: Attributes = { ...given };
  let count = 0;
  for (const key in copy) {
    if (!isPlain(copy[key]) || key === "" || ++count > MAX_COUNT) {
      const { attributes = {}, droppedAttributesCount = 0 } = cleanAttributes(given, LIMITS);
      return { attributes, droppedAttributesCount, count: Object.keys(attributes).length };
    }
  }
  return { attributes: copy, droppedAttributesCount: 0, count };
}

function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

function fromMs(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}

function isBefore(a: HrTime, b: HrTime): boolean {
  return a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);
}
