/** A request of OpenAI's protocol on the way that every call takes. */
import type { Message } from "@bufbuild/protobuf";
import type { Peer } from "../../auth/contract.ts";
import type { Clock } from "../../clock.ts";
import { AgentlaneError } from "../../errors.ts";
import type { HttpRequest, HttpResponse } from "../connect-adapter.ts";
import { onceClosed } from "../http-exchange.ts";
import type { Exchange } from "../interceptors.ts";
import { assertJsonDepth } from "../json-depth.ts";
import type { Protocol } from "../protocol.ts";
import { type BodyLimits, readBytes } from "../request-body.ts";

const PROTOCOL: Protocol = {
  name: "openai",
  json: true,
  enveloped: false,
  encodingHeader: "content-encoding",
};

export function createExchange(
  peer: Peer,
  request: HttpRequest,
  response: HttpResponse,
  read: () => Promise<Message>,
): Exchange {
  return {
    protocol: PROTOCOL,
    headers: request.headers,
    peer,
    read,
    onClose: onceClosed(response),
    reset: () => void response.destroy(),
  };
}

/** The body as JSON, within the limits. */
export async function readJson(
  request: HttpRequest,
  limits: BodyLimits,
  clock: Clock,
): Promise<unknown> {
  const { headers } = request;
  const body = {
    source: request,
    protocol: PROTOCOL,
    encoding: headers[PROTOCOL.encodingHeader]?.toString(),
    contentLength: headers["content-length"],
  };
  const bytes = await readBytes(body, limits, clock);
  assertJsonDepth(bytes, limits.maxDepth);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    const why = error instanceof SyntaxError ? "JSON" : "UTF-8";
    throw new AgentlaneError(
      "invalid_argument",
      "MALFORMED_REQUEST",
      `the request body is not valid ${why}`,
      { cause: error },
    );
  }
}
