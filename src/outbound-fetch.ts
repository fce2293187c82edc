/**
 * `fetch` for servers outside: a name is resolved once, its addresses are checked, and the connection
 * goes to just those, so that a name which answers otherwise the next time (DNS rebinding) gains nothing.
 * Redirects are the caller's to follow, each by a call of its own, which is checked again.
 */
import { lookup } from "node:dns/promises";
import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { Transform } from "node:stream";
import type { Clock } from "./clock.ts";
import { AgentlaneError } from "./errors.ts";
import { type Address, createOutboundPolicy } from "./outbound-policy.ts";

export type Fetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

/** The fetch for a server at a URL that the operator has configured. */
export type OutboundFetch = (configured: URL) => Fetch;

export interface OutboundOptions {
  readonly clock: Clock;
  /** OUTBOUND_ALLOW: hosts, addresses, networks. */
  readonly allowed: readonly string[];
  /** Default: the operating system's resolver. */
  readonly resolve?: (host: string) => Promise<Address[]>;
  /** Default: 64 MiB. */
  readonly maxResponseBytes?: number;
  /** Until the headers of the reply are there. Default: 5 minutes, for tools that answer when they are done. */
  readonly headerTimeoutMs?: number;
}

const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;
const HEADER_TIMEOUT_MS = 300_000;
const MAX_HEADER_BYTES = 16 * 1024;
const BODYLESS: ReadonlySet<number> = new Set([204, 205, 304]);

export function createOutboundFetch(options: OutboundOptions): OutboundFetch {
  const policy = createOutboundPolicy(options.allowed);
  const resolve = options.resolve ?? ((host) => lookup(host, { all: true, order: "verbatim" }));
  return (configured) => async (input, init) => {
    const url = new URL(input);
    if (url.protocol !== "http:" && url.protocol !== "https:") {
      throw refused(
        "OUTBOUND_SCHEME_BLOCKED",
        `${url.protocol} is not fetched, only http and https`,
      );
    }
    const host = hostOf(url);
    const family = isIP(host);
    const addresses = family === 0 ? await resolve(host) : [{ address: host, family }];
    policy.check(host, addresses, hostOf(configured));
    const response = await send(url, addresses, init ?? {}, options);
    const status = response.statusCode ?? 0;
    if (status >= 300 && status < 400 && init?.redirect !== "manual" && response.headers.location) {
      response.destroy();
      throw refused(
        "OUTBOUND_REDIRECT",
        `${url.origin} answers with a redirect, which is not followed`,
      );
    }
    return asResponse(response, url, options.maxResponseBytes ?? MAX_RESPONSE_BYTES);
  };
}

/** Without the brackets of an IPv6 address, and without the dot that ends a full name. */
function hostOf({ hostname }: URL): string {
  return hostname
    .replace(/^\[|\]$/g, "")
    .replace(/\.$/, "")
    .toLowerCase();
}

function send(
  url: URL,
  addresses: readonly Address[],
  init: RequestInit,
  { clock, headerTimeoutMs = HEADER_TIMEOUT_MS }: OutboundOptions,
): Promise<IncomingMessage> {
  const pinned: LookupFunction = (_host, { all }, callback) => {
    const [first] = addresses;
    if (!first) callback(new Error("no address"), "", 0);
    else if (all) callback(null, [...addresses]);
    else callback(null, first.address, first.family);
  };
  const body = bodyOf(init.body);
  return new Promise((resolve, reject) => {
    const open = url.protocol === "https:" ? requestHttps : requestHttp;
    const request = open(url, {
      method: init.method ?? "GET",
      headers: Object.fromEntries(new Headers(init.headers)),
      lookup: pinned,
      maxHeaderSize: MAX_HEADER_BYTES,
      // A connection of its own: a shared one may have been opened under other rules.
      agent: false,
      ...(init.signal ? { signal: init.signal } : {}),
    });
    const timer = clock.setTimer(headerTimeoutMs, () => {
      request.destroy(
        new AgentlaneError(
          "unavailable",
          "OUTBOUND_TIMEOUT",
          `${url.host} did not answer in ${headerTimeoutMs} ms`,
        ),
      );
    });
    request.once("close", () => timer.clear());
    request.once("error", reject);
    request.once("response", (response) => {
      timer.clear();
      resolve(response);
    });
    request.end(body);
  });
}

function bodyOf(body: RequestInit["body"]): string | Uint8Array | undefined {
  if (body === undefined || body === null) return undefined;
  if (typeof body === "string" || body instanceof Uint8Array) return body;
  if (body instanceof URLSearchParams) return body.toString();
  throw new TypeError("only text and bytes are sent");
}

function asResponse(message: IncomingMessage, url: URL, maxBytes: number): Response {
  const status = message.statusCode ?? 0;
  const headers = new Headers();
  for (const [name, values] of Object.entries(message.headersDistinct)) {
    for (const value of values ?? []) headers.append(name, value);
  }
  if (BODYLESS.has(status)) {
    message.resume();
    return new Response(null, { status, headers });
  }
  let byteCount = 0;
  const limited = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      byteCount += chunk.byteLength;
      if (byteCount <= maxBytes) done(null, chunk);
      else {
        done(refused("OUTBOUND_TOO_LARGE", `${url.host} sent more than ${maxBytes} bytes`));
        message.destroy();
      }
    },
  });
  message.once("error", (error) => limited.destroy(error));
  limited.once("close", () => message.destroy());
  const body = ReadableStream.from<Uint8Array>(message.pipe(limited));
  return new Response(body, { status, headers });
}

function refused(reason: string, message: string): AgentlaneError {
  return new AgentlaneError("permission_denied", reason, message);
}
