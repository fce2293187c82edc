/**
 * The way of every call, whatever its protocol: span, gate, deadline, credentials, body, validation,
 * handler, error. The adapters of the protocols call these functions and nothing else.
 */
import type { IncomingHttpHeaders } from "node:http";
import type { Message } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import type { Authenticate, Peer } from "../auth/contract.ts";
import type { Clock } from "../clock.ts";
import { NOBODY } from "../tasks/principal.ts";
import type { LimitRate } from "../tasks/rate-limit.ts";
import { accessTo, authorize } from "./access.ts";
import type { CallAudit, StartCallAudit } from "./call-audit.ts";
import {
  type CallScope,
  createCallScope,
  deadlineExceeded,
  disconnected,
  serverStopped,
} from "./call-scope.ts";
import type { CallSpan, StartCallSpan } from "./call-span.ts";
import { toWireError, unauthenticated } from "./error-codes.ts";
import type { Gate } from "./gate.ts";
import { type Protocol, timeoutMs } from "./protocol.ts";
import type {
  BidiStreamingMethod,
  Call,
  RpcMethod,
  ServerStreamingMethod,
  UnaryMethod,
} from "./rpc.ts";
import { watchReader } from "./stalled-reader.ts";
import type { Validate } from "./validation.ts";

/** Told about errors whose cause clients are not told; `where`: the RPC, or "accept". */
export type OnError = (error: unknown, where: string) => void;

/** A request on its way, as an adapter sees it. */
export interface Exchange {
  readonly protocol: Protocol;
  readonly headers: IncomingHttpHeaders;
  readonly peer: Peer;
  /** Reads and decodes the request message. */
  read(): Promise<Message>;
  /** Calls back once, when the reply is out or the client is gone, also when that is already so. */
  onClose(callback: () => void): void;
  /** Ends the call without another word to the client, which does not listen any more. */
  reset(): void;
}

/** All of these throw ConnectErrors only. */
export interface Interceptors {
  unary(method: UnaryMethod, exchange: Exchange): Promise<Message>;
  serverStreaming(
    method: ServerStreamingMethod,
    exchange: Exchange,
  ): AsyncGenerator<readonly Message[]>;
  bidiStreaming(
    method: BidiStreamingMethod,
    exchange: Exchange,
    requests: AsyncIterable<Message>,
  ): AsyncGenerator<Message>;
}

export interface InterceptorParts {
  readonly gate: Gate;
  readonly authenticate: Authenticate;
  /** Of all calls but health and reflection, before their body is read. */
  readonly limitRate: LimitRate;
  readonly validate: Validate;
  readonly clock: Clock;
  readonly maxTimeoutMs: number;
  readonly stallTimeoutMs: number;
  readonly startSpan: StartCallSpan;
  readonly startAudit: StartCallAudit;
  readonly onError: OnError;
}

/** A call under way: what the handler sees of it, and what is to be done at its end. */
interface Run {
  readonly call: Call;
  readonly scope: CallScope;
  readonly audit: CallAudit;
}

/** Those who hear of a call. */
interface Told {
  readonly span: CallSpan;
  readonly audit: CallAudit;
}

export function createInterceptors(parts: InterceptorParts): Interceptors {
  return {
    unary: (method, exchange) => answer(parts, method, exchange),
    serverStreaming: (method, exchange) =>
      replies(parts, method, exchange, async (run) =>
        method.handle(await readValid(parts, method, exchange, run), run.call),
      ),
    bidiStreaming: (method, exchange, requests) =>
      replies(parts, method, exchange, async ({ call }) =>
        method.handle(untilAborted(requests, call.signal), call),
      ),
  };
}

async function answer(
  parts: InterceptorParts,
  method: UnaryMethod,
  exchange: Exchange,
): Promise<Message> {
  const span = parts.startSpan(method.name, exchange.protocol, exchange.headers);
  const audit = parts.startAudit(method.name, exchange.peer);
  let run: Run | undefined;
  try {
    run = await begin(parts, method, exchange, { span, audit });
    const { call, scope } = run;
    const request = await readValid(parts, method, exchange, run);
    const reply = await scope.beforeDeadline(span.run(() => method.handle(request, call)));
    span.run(() => audit.answered(reply));
    span.end(undefined);
    return reply;
  } catch (error) {
    throw failed(parts, error, method, { span, audit });
  } finally {
    run?.scope.finish();
  }
}

async function* replies<T extends Message | readonly Message[]>(
  parts: InterceptorParts,
  method: ServerStreamingMethod | BidiStreamingMethod,
  exchange: Exchange,
  open: (run: Run) => Promise<AsyncIterable<T>>,
): AsyncGenerator<T> {
  const span = parts.startSpan(method.name, exchange.protocol, exchange.headers);
  const audit = parts.startAudit(method.name, exchange.peer);
  let run: Run | undefined;
  try {
    run = await begin(parts, method, exchange, { span, audit });
    const { scope } = run;
    const messages = (await open(run))[Symbol.asyncIterator]();
    exchange.onClose(() => void messages.return?.().catch(ignore));
    const reader = watchReader(parts.clock, parts.stallTimeoutMs, exchange);
    for (;;) {
      const next = await scope.beforeDeadline(span.run(() => messages.next()));
      if (next.done) break;
      span.run(() => audit.answered(firstOf(next.value)));
      try {
        reader.offered();
        yield next.value;
        reader.took();
      } catch {
        // Thrown in by an adapter that cannot write any more.
        cutOff(parts, scope);
        throw scope.signal.reason;
      }
    }
    if (scope.signal.aborted) throw scope.signal.reason;
    scope.finish();
    span.run(() => audit.answered(undefined));
    span.end(undefined);
  } catch (error) {
    run?.scope.finish();
    throw failed(parts, error, method, { span, audit });
  } finally {
    // Reached without a finish when the adapter gives up, e.g. on a reply it cannot encode.
    if (run) cutOff(parts, run.scope);
    span.end(Code.Canceled);
  }
}

async function begin(
  parts: InterceptorParts,
  method: RpcMethod,
  exchange: Exchange,
  { span, audit }: Told,
): Promise<Run> {
  const counted = method.duringDrain !== "uncounted";
  if (counted) {
    parts.gate.enter(method.duringDrain === "answered");
    exchange.onClose(parts.gate.leave);
  }
  const deadlineInMs = timeoutMs(exchange.protocol, exchange.headers, parts.maxTimeoutMs);
  if (deadlineInMs !== undefined && deadlineInMs <= 0) throw deadlineExceeded();
  const scope = createCallScope(parts.clock, deadlineInMs);
  exchange.onClose(() => {
    cutOff(parts, scope);
    // A stream whose client is gone stays parked where it is: this is its end.
    if (scope.signal.aborted) span.end(toWireError(scope.signal.reason, ignore).code);
  });
  const known = admitted(parts, method, exchange);
  const admission = known instanceof Promise ? await scope.beforeDeadline(known) : known;
  if (!admission) throw unauthenticated();
  const { principal, follow } = admission;
  audit.admitted(principal);
  authorize(principal, method.name);
  if (counted) parts.limitRate(principal.tenant);
  if (follow) exchange.onClose(follow(scope.end));
  const { signal, remainingMs } = scope;
  const { accepted } = audit;
  return { call: { principal, signal, remainingMs, accepted }, scope, audit };
}

/** Who is it? Nothing of the body has been read. */
function admitted(
  { authenticate }: InterceptorParts,
  { name }: RpcMethod,
  { headers, peer }: Exchange,
): ReturnType<Authenticate> {
  return accessTo(name) === "open" ? { principal: NOBODY } : authenticate({ headers, peer });
}

/** Who is not done now has lost its client, or its server. */
function cutOff({ gate }: InterceptorParts, scope: CallScope): void {
  scope.close(gate.evicted ? serverStopped() : disconnected());
}

async function readValid(
  parts: InterceptorParts,
  method: UnaryMethod | ServerStreamingMethod,
  exchange: Exchange,
  { scope, audit }: Run,
): Promise<Message> {
  const request = await scope.beforeDeadline(exchange.read());
  parts.validate(method.descriptor.input, request);
  audit.asked(request);
  return request;
}

function failed(
  parts: InterceptorParts,
  error: unknown,
  method: RpcMethod,
  { span, audit }: Told,
): ConnectError {
  const wire = toWireError(error, (cause) => parts.onError(cause, method.name));
  span.run(() => audit.failed(wire));
  span.end(wire.code);
  return wire;
}

/** Of a batch of replies, or of one that is alone. */
function firstOf(replies: Message | readonly Message[]): Message | undefined {
  return "length" in replies ? replies[0] : replies;
}

/** A caller that asks nothing more is told, too, when its call ends. */
async function* untilAborted<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const items = source[Symbol.asyncIterator]();
  const end = Promise.withResolvers<undefined>();
  const stop = (): void => end.resolve(undefined);
  signal.addEventListener("abort", stop, { once: true });
  try {
    while (!signal.aborted) {
      const next = await Promise.race([items.next(), end.promise]);
      if (!next || next.done) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function ignore(): void {}
