/** What happens to an HTTP request before any of its body is read: to an RPC, or refused. */
import type { OutgoingHttpHeaders } from "node:http";
import { isRebound, setSecurityHeaders } from "./browser-guard.ts";
import type { HttpRequest, HttpResponse, ServeRpc } from "./connect-adapter.ts";
import { isConsolePath, type ServeConsole } from "./console-page.ts";
import type { AnswerOrigin } from "./cors.ts";
import type { Readiness } from "./health.ts";
import type { Exchange } from "./interceptors.ts";
import type { ServeOpenAI } from "./openai/adapter.ts";
import { acceptedContentTypes, type Protocol, protocolOf } from "./protocol.ts";
import type { RpcMethod } from "./rpc.ts";

export type HttpHandler = (request: HttpRequest, response: HttpResponse) => void;

export interface HttpGuardParts {
  readonly answerOrigin: AnswerOrigin;
  /** Whether pages that call by a foreign name are turned away: where nobody shows credentials. */
  readonly refusesRebound: boolean;
  readonly corsOrigins: readonly string[];
  /** Answers what is under `/v1/`. */
  readonly openai: ServeOpenAI;
  /** Answers /console and what is below; absent = it is not served. */
  readonly webConsole: ServeConsole | undefined;
  readonly routes: ReadonlyMap<string, RpcMethod>;
  readonly readiness: Readiness;
  /** Whether everybody is told why the process is not ready: on loopback, where nobody else asks. */
  readonly tellsProblems: boolean;
  readonly serve: ServeRpc;
  readonly exchangeFor: (
    method: RpcMethod,
    protocol: Protocol,
    request: HttpRequest,
    response: HttpResponse,
  ) => Exchange;
}

export function createHttpGuard(parts: HttpGuardParts): HttpHandler {
  const { routes, serve, exchangeFor } = parts;
  return (request, response) => {
    response.on("error", () => undefined);
    setSecurityHeaders(response);
    if (parts.refusesRebound && isRebound(request, parts.corsOrigins)) {
      const message = "pages may call by localhost or an address; others are named in CORS_ORIGINS";
      refuse(response, 403, "permission_denied", message, {});
      return;
    }
    if (parts.answerOrigin(request, response)) return;
    const path = (request.url ?? "").split("?", 1)[0] ?? "";
    if (path.startsWith("/v1/")) {
      parts.openai(path, request, response);
      return;
    }
    if (parts.webConsole && isConsolePath(path)) {
      parts.webConsole(path, request, response);
      return;
    }
    const method = routes.get(path);
    if (!method) {
      servePage(path, request, response, parts);
      return;
    }
    if (request.method !== "POST") {
      const message = `${method.name} is called with POST`;
      refuse(response, 405, "unimplemented", message, { allow: "POST" });
      return;
    }
    const protocol = protocolOf(request.headers["content-type"], method.kind);
    if (!protocol) {
      const types = acceptedContentTypes(method.kind).join(", ");
      const given = request.headers["content-type"] ?? "none";
      const message = `content-type ${given} is not served: ${method.name} takes one of ${types}`;
      refuse(response, 415, "invalid_argument", message, { "accept-post": types });
      return;
    }
    if (method.kind === "bidi_streaming" && request.httpVersionMajor < 2) {
      refuse(response, 505, "unimplemented", `${method.name} needs HTTP/2`, {});
      return;
    }
    serve(method, exchangeFor(method, protocol, request, response), request, response);
  };
}

/** Everything that is no RPC. */
function servePage(
  path: string,
  request: HttpRequest,
  response: HttpResponse,
  { readiness, tellsProblems }: HttpGuardParts,
): void {
  const grpc = /^application\/grpc($|[+;])/.test(request.headers["content-type"] ?? "");
  if (grpc) {
    send(response, 200, "", {
      "content-type": "application/grpc",
      "grpc-status": "12",
      "grpc-message": `there is no RPC ${path}`.replace(/[^ -$&-~]/g, encodeURIComponent),
    });
    return;
  }
  const page = request.method === "GET" || request.method === "HEAD";
  switch (page ? path : undefined) {
    // That it is answered is the proof: the event loop turns.
    case "/healthz":
    case "/livez":
      send(response, 200, "ok\n", { "content-type": "text/plain" });
      return;
    case "/readyz": {
      const lacks = readiness.lacks();
      const ready = lacks.length === 0;
      const why = tellsProblems ? `: ${lacks.map((lack) => lack.why).join("; ")}` : "";
      const text = ready ? "ready\n" : `not ready${why}\n`;
      send(response, ready ? 200 : 503, text, { "content-type": "text/plain" });
      return;
    }
    case "/":
      send(response, 200, WELCOME, { "content-type": "text/plain; charset=utf-8" });
      return;
    default:
      if (PAGES.has(path)) {
        refuse(response, 405, "unimplemented", `${path} is read with GET`, { allow: "GET, HEAD" });
      } else if (page) {
        refuse(response, 404, "not_found", `there is no page ${path}`, {});
      } else {
        refuse(response, 404, "unimplemented", `there is no RPC ${path}`, {});
      }
  }
}

const PAGES: ReadonlySet<string> = new Set(["/", "/healthz", "/livez", "/readyz"]);

const WELCOME = `Agentlane: LLM agents as durable tasks. This port speaks gRPC, gRPC-web, Connect and JSON,
and OpenAI's chat completions under /v1. Where it is on, the web console is at /console.

  grpcurl -plaintext localhost:50051 list
  curl -H 'content-type: application/json' \\
    -d '{"agent_id":"echo","messages":[{"role":"ROLE_USER","content":[{"text":"hello"}]}]}' \\
    localhost:50051/agentlane.v1.AgentService/Execute
`;

/** In Connect's form of an error, which curl users can read too. */
function refuse(
  response: HttpResponse,
  status: number,
  code: string,
  message: string,
  headers: OutgoingHttpHeaders,
): void {
  const body = JSON.stringify({ code, message });
  send(response, status, body, { ...headers, "content-type": "application/json" });
}

function send(
  response: HttpResponse,
  status: number,
  body: string,
  headers: OutgoingHttpHeaders,
): void {
  response.statusCode = status;
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) response.setHeader(name, value);
  }
  response.end(body);
}
