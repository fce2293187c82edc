/** A call over node's request and response objects, HTTP/1.1 and HTTP/2 alike. */
import type { Peer } from "../auth/contract.ts";
import type { Clock } from "../clock.ts";
import type { HttpRequest, HttpResponse } from "./connect-adapter.ts";
import type { Exchange } from "./interceptors.ts";
import type { Protocol } from "./protocol.ts";
import { type BodyLimits, readMessage } from "./request-body.ts";
import type { RpcMethod } from "./rpc.ts";
import { takeTurn } from "./turns.ts";

export function createHttpExchange(
  method: RpcMethod,
  protocol: Protocol,
  peer: Peer,
  request: HttpRequest,
  response: HttpResponse,
  limits: BodyLimits,
  clock: Clock,
): Exchange {
  const { headers } = request;
  const encoding = headers[protocol.encodingHeader];
  return {
    protocol,
    headers,
    peer,
    read: () =>
      readMessage(
        method.descriptor.input,
        {
          source: request,
          protocol,
          encoding: typeof encoding === "string" ? encoding : undefined,
          contentLength: headers["content-length"],
        },
        limits,
        clock,
      ),
    onClose: onceClosed(response),
    reset: () => void response.destroy(),
  };
}

/** Calls back when the reply is out, when it is its turn where the client was gone before, or at once. */
export function onceClosed(source: {
  readonly writableFinished: boolean;
  once(event: "close", listener: () => void): unknown;
}): (callback: () => void) => void {
  let callbacks: (() => void)[] | undefined = [];
  const tell = (): void => {
    const waiting = callbacks ?? [];
    callbacks = undefined;
    for (const callback of waiting) callback();
  };
  source.once("close", () => {
    if (source.writableFinished) tell();
    else takeTurn(tell);
  });
  return (callback) => {
    if (callbacks) callbacks.push(callback);
    else callback();
  };
}
