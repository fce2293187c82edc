/** What graphs, models and tools throw, as errors of the domain. */
import { AgentlaneError } from "../../errors.ts";
import { redact } from "../../redact.ts";
import { isRecord, property } from "./json.ts";

/** Depth to which causes are searched for a status or a system code. */
const MAX_CAUSES = 8;

const NETWORK_CODES = new Set([
  "ECONNRESET",
  "ECONNREFUSED",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EAI_AGAIN",
  "ENOTFOUND",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ERR_STREAM_PREMATURE_CLOSE",
  "ERR_HTTP2_STREAM_ERROR",
  "UND_ERR_SOCKET",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
]);

export function canceled(signal: AbortSignal): AgentlaneError {
  if (signal.reason instanceof AgentlaneError) return signal.reason;
  return new AgentlaneError("canceled", "TURN_ABORTED", "the turn was aborted", {
    cause: signal.reason,
  });
}

export function toAgentlaneError(
  error: unknown,
  signal: AbortSignal,
  nowMs: number,
): AgentlaneError {
  if (signal.aborted) return canceled(signal);
  const chain = causesOf(error);
  for (const cause of chain) if (cause instanceof AgentlaneError) return cause;
  const graph = graphError(chain, error);
  if (graph) return graph;
  for (const cause of chain) {
    const status = statusOf(cause);
    if (status !== undefined) return providerError(cause, status, error, nowMs);
  }
  if (chain.some(isNetworkError)) {
    return new AgentlaneError(
      "unavailable",
      "MODEL_UNREACHABLE",
      `the connection to the model provider failed: ${messageOf(error)}`,
      { cause: error },
    );
  }
  if (chain.some(isUnreadableAnswer)) {
    return new AgentlaneError(
      "unavailable",
      "MODEL_UNAVAILABLE",
      "the model provider's answer is not one of its API's, such as a web page: check the base URL",
      { cause: error },
    );
  }
  return new AgentlaneError("internal", "AGENT_ERROR", `the agent failed: ${messageOf(error)}`, {
    retryable: true,
    cause: error,
  });
}

/** Errors of the graph's making, which trying again does not mend. Matched by name: a project may
 * bring its own copy of LangGraph. */
function graphError(chain: readonly unknown[], error: unknown): AgentlaneError | undefined {
  for (const cause of chain) {
    const name = cause instanceof Error ? cause.name : "";
    if (name === "GraphRecursionError") {
      return new AgentlaneError("internal", "RECURSION_LIMIT", messageOf(cause), {
        retryable: false,
        cause: error,
      });
    }
    if (GRAPH_MISTAKES.has(name)) {
      return new AgentlaneError("internal", "GRAPH_INVALID", messageOf(cause), {
        retryable: false,
        cause: error,
      });
    }
  }
  return undefined;
}

const GRAPH_MISTAKES = new Set([
  "InvalidUpdateError",
  "GraphValueError",
  "EmptyInputError",
  "StateGraphInputError",
  "UnreachableNodeError",
  "MultipleSubgraphsError",
]);

function providerError(
  cause: unknown,
  status: number,
  error: unknown,
  nowMs: number,
): AgentlaneError {
  const message = messageOf(cause);
  if (status === 429) {
    const retryAfterMs = retryAfterMsOf(cause, nowMs);
    // An account without credit answers 429 too, and no waiting mends it.
    const exhausted = isRecord(cause) && cause.code === "insufficient_quota";
    return new AgentlaneError(
      "resource_exhausted",
      exhausted ? "MODEL_QUOTA_EXHAUSTED" : "MODEL_RATE_LIMITED",
      `the model provider is limiting requests: ${message}`,
      {
        cause: error,
        ...(exhausted ? { retryable: false } : {}),
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      },
    );
  }
  if (status >= 500 || status === 408 || status === 409) {
    const retryAfterMs = retryAfterMsOf(cause, nowMs);
    return new AgentlaneError(
      "unavailable",
      "MODEL_UNAVAILABLE",
      `the model provider failed (HTTP ${status}): ${message}`,
      { cause: error, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
    );
  }
  const [kind, reason, hint] = REFUSALS[status] ?? REFUSALS[400] ?? DEFAULT_REFUSAL;
  return new AgentlaneError(kind, reason, `${hint} (HTTP ${status}): ${message}`, {
    retryable: false,
    cause: error,
  });
}

const DEFAULT_REFUSAL = [
  "failed_precondition",
  "MODEL_REFUSED_REQUEST",
  "the model provider refused the request",
] as const;

/** Kinds that are true for the caller: credentials of the model are the operator's, not theirs. */
const REFUSALS: Partial<
  Record<number, readonly ["failed_precondition" | "invalid_argument", string, string]>
> = {
  400: DEFAULT_REFUSAL,
  401: [
    "failed_precondition",
    "MODEL_UNAUTHENTICATED",
    "the model provider refused the credentials; check the API key of the server",
  ],
  403: [
    "failed_precondition",
    "MODEL_PERMISSION_DENIED",
    "the model provider denied access; check the rights of the server's API key",
  ],
  404: [
    "failed_precondition",
    "MODEL_NOT_FOUND",
    "the model provider does not know the model or the address; check model and base URL",
  ],
  413: ["invalid_argument", "MODEL_INPUT_TOO_LARGE", "the conversation is too large for the model"],
};

function causesOf(error: unknown): unknown[] {
  const chain: unknown[] = [];
  let current: unknown = error;
  while (current !== undefined && current !== null && chain.length < MAX_CAUSES) {
    chain.push(current);
    current = isRecord(current) ? current.cause : undefined;
  }
  return chain;
}

/** Only of errors that look like an HTTP client's: a `status` of the user's own means something else. */
function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !isRecord(error)) return undefined;
  const status = error.status ?? error.statusCode;
  const fromProvider = "headers" in error || "response" in error || "lc_error_code" in error;
  return typeof status === "number" && status >= 400 && status < 600 && fromProvider
    ? status
    : undefined;
}

function isNetworkError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = property(error, "code");
  if (typeof code === "string" && NETWORK_CODES.has(code)) return true;
  if (error.constructor.name === "APIConnectionError" || error.name === "APIConnectionError") {
    return true;
  }
  // undici's words for a stream that breaks.
  return error instanceof TypeError && /^(terminated|fetch failed)$/.test(error.message);
}

/**
 * A client library that finds no field where its API has one stumbles in its own code or in that of
 * LangChain's models; a stream of no events is an error of LangChain's.
 */
function isUnreadableAnswer(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error.message === "Received empty response from chat model call.") return true;
  const thrower = error.stack?.split("\n").find((line) => /^\s+at .*[/\\]/.test(line)) ?? "";
  return (
    (error instanceof TypeError || error instanceof SyntaxError) && MODEL_LIBRARY.test(thrower)
  );
}

const MODEL_LIBRARY =
  /node_modules[/\\](?:openai|@langchain[/\\](?:(?!core|langgraph|mcp)[\w-]+|core[/\\]dist[/\\]language_models))[/\\]/;

/** Retry-After is seconds or an HTTP date; OpenAI adds retry-after-ms. */
function retryAfterMsOf(error: unknown, nowMs: number): number | undefined {
  const seconds = headerOf(error, "retry-after");
  const exact = Number(headerOf(error, "retry-after-ms"));
  if (exact > 0) return exact;
  if (seconds === undefined) return undefined;
  if (/^\d+(\.\d+)?$/.test(seconds)) return Math.round(Number(seconds) * 1000);
  const at = Date.parse(seconds);
  return Number.isNaN(at) ? undefined : Math.max(0, at - nowMs);
}

function headerOf(error: unknown, name: string): string | undefined {
  if (!isRecord(error)) return undefined;
  const response = isRecord(error.response) ? error.response : {};
  const headers = error.headers ?? response.headers;
  if (headers instanceof Headers) return headers.get(name) ?? undefined;
  const value = isRecord(headers) ? headers[name] : undefined;
  return typeof value === "string" ? value : undefined;
}

/** First line, bounded, without credentials: LangChain appends troubleshooting links. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const first = redact(message.split(/\n\nTroubleshooting URL/)[0]?.trim() ?? "");
  return first.length > 2000 ? `${first.slice(0, 2000)}…` : first || "unknown error";
}
