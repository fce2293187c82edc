/**
 * The web console: static files under /console. The page itself is the same for everybody and holds
 * nothing secret; what it shows it asks of the services, with its user's credentials.
 */
import type { HttpRequest, HttpResponse } from "./connect-adapter.ts";
import type { ConsoleFile, ConsoleFiles } from "./console-files.ts";

/** `path`: /console or below, without its query. */
export type ServeConsole = (path: string, request: HttpRequest, response: HttpResponse) => void;

/** Nothing inline, nothing from elsewhere, calls of this server only, in nobody's frame. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": CONTENT_SECURITY_POLICY,
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
};

const ROOT = "/console";
const ASSETS = `${ROOT}/assets/`;
const FOREVER = "public, max-age=31536000, immutable";

/** `files`: undefined = not built, which is what the page then says. */
export function createConsolePage(files: ConsoleFiles | undefined): ServeConsole {
  return (path, request, response) => {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("allow", "GET, HEAD");
      sendText(response, 405, "the console is read with GET\n");
      return;
    }
    if (!files) {
      sendText(response, 503, NOT_BUILT);
      return;
    }
    if (!path.startsWith(ASSETS)) {
      // The page finds out itself what its path means.
      sendFile(request, response, files.index, "no-cache");
      return;
    }
    const asset = files.assets.get(path.slice(ASSETS.length));
    if (asset) sendFile(request, response, asset, FOREVER);
    else sendText(response, 404, `there is no file ${path}\n`);
  };
}

export function isConsolePath(path: string): boolean {
  return path === ROOT || path.startsWith(`${ROOT}/`);
}

const NOT_BUILT = `The console has not been built.

In a clone of the repository: "npm ci" (with its development dependencies), then "npm start", which
builds it; or "npm run build:console" and a restart of this server. CONSOLE=false turns this page off.
`;

function sendFile(
  request: HttpRequest,
  response: HttpResponse,
  file: ConsoleFile,
  cacheControl: string,
): void {
  response.setHeader("cache-control", cacheControl);
  response.setHeader("etag", file.etag);
  response.setHeader("vary", "accept-encoding");
  if (matches(request.headers["if-none-match"], file.etag)) {
    response.statusCode = 304;
    response.end();
    return;
  }
  const zipped = /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/.test(
    String(request.headers["accept-encoding"] ?? ""),
  );
  if (zipped) response.setHeader("content-encoding", "gzip");
  send(request, response, 200, file.contentType, zipped ? file.gzipped : file.body);
}

/** Weak comparison, as RFC 9110 has it for If-None-Match. */
function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(",").some((tag) => {
    const wanted = tag.trim();
    return wanted === "*" || wanted.replace(/^W\//, "") === etag.replace(/^W\//, "");
  });
}

function sendText(response: HttpResponse, status: number, text: string): void {
  response.setHeader("cache-control", "no-store");
  response.setHeader("content-type", "text/plain; charset=utf-8");
  response.statusCode = status;
  response.end(text);
}

function send(
  request: HttpRequest,
  response: HttpResponse,
  status: number,
  contentType: string,
  body: Buffer,
): void {
  response.statusCode = status;
  response.setHeader("content-type", contentType);
  response.setHeader("content-length", body.byteLength);
  if (request.method === "HEAD") response.end();
  else response.end(body);
}
