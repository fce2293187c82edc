/** What a service is to the server: typed functions of a request and a call, free of any protocol. */
import type {
  DescMethod,
  DescMethodBiDiStreaming,
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  Message,
  MessageShape,
} from "@bufbuild/protobuf";
import type { Principal } from "../tasks/principal.ts";

/** A call as a service sees it. */
export interface Call {
  readonly principal: Principal;
  /**
   * Aborts with an AgentlaneError: `deadline_exceeded` when the deadline passes, `canceled` when the
   * client is gone, `unavailable` when the server stops, `unauthenticated` when the caller's credential
   * opens nothing any more.
   */
  readonly signal: AbortSignal;
  /** The caller's remaining time; undefined = no deadline. Never ≤ 0 when a service is called. */
  remainingMs(): number | undefined;
  /** Its task is accepted: for the audit log, also where the call then ends without an answer. */
  accepted(taskId: string): void;
}

type Handler<M> =
  M extends DescMethodUnary<infer I, infer O>
    ? (request: MessageShape<I>, call: Call) => Promise<MessageShape<O>>
    : M extends DescMethodServerStreaming<infer I, infer O>
      ? (request: MessageShape<I>, call: Call) => AsyncIterable<readonly MessageShape<O>[]>
      : M extends DescMethodBiDiStreaming<infer I, infer O>
        ? (requests: AsyncIterable<MessageShape<I>>, call: Call) => AsyncIterable<MessageShape<O>>
        : never;

/** One function per RPC of a service. */
export type Implementation<S extends DescService> = {
  [K in keyof S["method"]]: Handler<S["method"][K]>;
};

// Methods (not function properties), so that a handler of a concrete request is assignable: the
// adapter only ever passes it a message of the descriptor's input.
interface Handlers {
  unary(request: Message, call: Call): Promise<Message>;
  /** In batches of what is ready at once: a batch is handed on for the price of one message. */
  serverStreaming(request: Message, call: Call): AsyncIterable<readonly Message[]>;
  bidiStreaming(requests: AsyncIterable<Message>, call: Call): AsyncIterable<Message>;
}

interface Common<D extends DescMethod> {
  readonly descriptor: D;
  /** `/agentlane.v1.AgentService/Execute` */
  readonly path: string;
  /** `agentlane.v1.AgentService/Execute` */
  readonly name: string;
  readonly duringDrain: DuringDrain;
}

/**
 * What becomes of new calls while the server drains: `refused`, or still `answered`; both are counted
 * and waited for. `uncounted` are those that tell of the server itself.
 */
export type DuringDrain = "refused" | "answered" | "uncounted";

export interface UnaryMethod extends Common<DescMethodUnary> {
  readonly kind: "unary";
  readonly handle: Handlers["unary"];
}

export interface ServerStreamingMethod extends Common<DescMethodServerStreaming> {
  readonly kind: "server_streaming";
  readonly handle: Handlers["serverStreaming"];
}

export interface BidiStreamingMethod extends Common<DescMethodBiDiStreaming> {
  readonly kind: "bidi_streaming";
  readonly handle: Handlers["bidiStreaming"];
}

/** An RPC with the function that serves it. */
export type RpcMethod = UnaryMethod | ServerStreamingMethod | BidiStreamingMethod;

/** The RPCs of a service. */
export function methodsOf<S extends DescService>(
  service: S,
  implementation: Implementation<S>,
  duringDrain: DuringDrain | ((method: DescMethod) => DuringDrain),
): RpcMethod[] {
  const handlers: ReadonlyMap<string, unknown> = new Map(Object.entries(implementation));
  const rule = typeof duringDrain === "function" ? duringDrain : () => duringDrain;
  return service.methods.map((descriptor) =>
    rpcMethod(descriptor, handlers.get(descriptor.localName), rule(descriptor)),
  );
}

function rpcMethod(descriptor: DescMethod, handler: unknown, duringDrain: DuringDrain): RpcMethod {
  const name = `${descriptor.parent.typeName}/${descriptor.name}`;
  const common = { path: `/${name}`, name, duringDrain };
  // The casts follow from methodKind: `Implementation` ties a handler's type to it.
  switch (descriptor.methodKind) {
    case "unary":
      return {
        ...common,
        kind: "unary",
        descriptor: descriptor as DescMethodUnary,
        handle: handler as Handlers["unary"],
      };
    case "server_streaming":
      return {
        ...common,
        kind: "server_streaming",
        descriptor: descriptor as DescMethodServerStreaming,
        handle: handler as Handlers["serverStreaming"],
      };
    case "bidi_streaming":
      return {
        ...common,
        kind: "bidi_streaming",
        descriptor: descriptor as DescMethodBiDiStreaming,
        handle: handler as Handlers["bidiStreaming"],
      };
    case "client_streaming":
      throw new Error(`${name}: client streaming is not served`);
  }
}
