/**
 * What protects a user's browser, and this server from pages in it. A page cannot call from another
 * origin (content types that browsers ask about first, src/server/cors.ts); here is the rest.
 */
import { isIP } from "node:net";
import type { HttpRequest, HttpResponse } from "./connect-adapter.ts";

/** Of every answer over HTTP but binary gRPC, which no browser shows. A page of ours sets its own policy. */
const HEADERS: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
};

export function setSecurityHeaders(response: HttpResponse): void {
  for (const name in HEADERS) response.setHeader(name, HEADERS[name] ?? "");
}

/**
 * Whether a page calls through a name that is none of this machine's: its own name, which its DNS now
 * says is 127.0.0.1 (DNS rebinding), so that the browser takes our port for the page's own origin. Where
 * callers show credentials it gains nothing, because the browser has none for that name.
 */
export function isRebound(request: HttpRequest, corsOrigins: readonly string[]): boolean {
  const { origin, host, "sec-fetch-site": site } = request.headers;
  if (origin === undefined && site === undefined) return false;
  if (origin !== undefined && corsOrigins.includes(origin)) return false;
  const authority = request.headers[":authority"]?.toString() ?? host ?? "";
  const name = URL.parse(`http://${authority}`)?.hostname.replace(/^\[|\]$/g, "") ?? "";
  return isIP(name) === 0 && name !== "localhost" && !name.endsWith(".localhost");
}
