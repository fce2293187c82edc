/** Lets pages of other origins call, as far as they are named. Browsers ask first, with OPTIONS. */
import { cors } from "@connectrpc/connect";
import type { HttpRequest, HttpResponse } from "./connect-adapter.ts";

/** For how long a browser remembers an answer, in seconds; browsers cap it. */
const MAX_AGE = "7200";

/** What scripts may read of a reply, beside what the protocols need. */
const EXPOSED = [...cors.exposedHeaders, "retry-after", "x-request-id", "x-should-retry"].join();

/** Tells the browser what it may do; answers whether the request was its question alone. */
export type AnswerOrigin = (request: HttpRequest, response: HttpResponse) => boolean;

/** `origins` as browsers write them: `https://app.example.com`. None = pages of our own origin only. */
export function createCors(origins: readonly string[]): AnswerOrigin {
  const allowed = new Set(origins);
  return (request, response) => {
    const { origin } = request.headers;
    if (allowed.size === 0 || origin === undefined) return false;
    response.setHeader("vary", "origin");
    if (!allowed.has(origin)) return false;
    response.setHeader("access-control-allow-origin", origin);
    const wanted = request.headers["access-control-request-method"];
    if (request.method !== "OPTIONS" || wanted === undefined) {
      response.setHeader("access-control-expose-headers", EXPOSED);
      return false;
    }
    response.setHeader("access-control-allow-methods", "GET, POST");
    // The origin is trusted; what it may do is a matter of its credentials.
    const headers = request.headers["access-control-request-headers"];
    if (headers !== undefined) response.setHeader("access-control-allow-headers", headers);
    response.setHeader("access-control-max-age", MAX_AGE);
    response.statusCode = 204;
    response.end();
    return true;
  };
}
