/**
 * OpenAI's HTTP protocol: chat completions are turns of agents, models are the agents. One more
 * encoding of AgentService and OperationsService, on the way that every call takes.
 */
import type { HttpRequest, HttpResponse } from "../connect-adapter.ts";
import { toWireError } from "../error-codes.ts";
import { serveChat } from "./chat.ts";
import { errorReply, refusal } from "./errors.ts";
import { serveModel, serveModels } from "./models.ts";
import type { OpenAIParts } from "./parts.ts";
import { sendError } from "./reply.ts";

/** Answers a request whose path begins with `/v1/`. */
export type ServeOpenAI = (path: string, request: HttpRequest, response: HttpResponse) => void;

const CHAT = "/v1/chat/completions";
const MODELS = "/v1/models";
const MAX_SHOWN_CHARS = 200;

export function createOpenAIAdapter(parts: OpenAIParts): ServeOpenAI {
  /** What a listing throws; the chat answers its own errors, which may come in the middle. */
  const answer = (reply: Promise<void>, response: HttpResponse): void => {
    reply.catch((error: unknown) => {
      const wire = toWireError(error, (cause) => parts.onError(cause, MODELS));
      sendError(response, errorReply(wire, false));
    });
  };
  return (path, request, response) => {
    if (path === CHAT) {
      const isServed = isMethod("POST", request, response) && isJson(request, response);
      if (isServed) void serveChat(parts, request, response);
    } else if (path === MODELS) {
      if (isMethod("GET", request, response))
        answer(serveModels(parts, request, response), response);
    } else if (path.startsWith(`${MODELS}/`)) {
      const id = path.slice(MODELS.length + 1);
      if (isMethod("GET", request, response)) {
        answer(serveModel(parts, id, request, response), response);
      }
    } else {
      const route = `${request.method} ${path}`.slice(0, MAX_SHOWN_CHARS);
      sendError(response, refusal(404, "unknown_url", `there is no route ${route}`));
    }
  };
}

function isMethod(method: string, request: HttpRequest, response: HttpResponse): boolean {
  if (request.method === method) return true;
  const message = `this route is called with ${method}`;
  sendError(response, refusal(405, "method_not_allowed", message, { allow: method }));
  return false;
}

/** Nothing else: a page of another origin may send plain text without being asked. */
function isJson(request: HttpRequest, response: HttpResponse): boolean {
  if (/^application\/json\s*(;|$)/i.test(request.headers["content-type"] ?? "")) return true;
  const message = "the content-type must be application/json";
  sendError(response, refusal(415, "unsupported_media_type", message));
  return false;
}
