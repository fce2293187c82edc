/** A call over node's request and response objects, HTTP/1.1 and HTTP/2 alike. */
import type { Peer } from "../auth/contract.ts";
import type { Clock } from "../clock.ts";
import type { HttpRequest, HttpResponse } from "./connect-adapter.ts";
import type { Exchange } from "./interceptors.ts";
import type { Protocol } from "./protocol.ts";
import { type BodyLimits, readMessage } from "./request-body.ts";
import type { RpcMethod } from "./rpc.ts";

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

/** Calls back when `source` emits close, or at once when it has. */
export function onceClosed(source: {
  once(event: "close", listener: () => void): unknown;
}): (callback: () => void) => void {
  let callbacks: (() => void)[] | undefined = [];
  source.once("close", () => {
    const waiting = callbacks ?? [];
    callbacks = undefined;
    for (const callback of waiting) callback();
  });
  return (callback) => {
    if (callbacks) callbacks.push(callback);
    else callback();
  };
}
