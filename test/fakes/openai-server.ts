/**
 * A local server that speaks OpenAI's /v1/chat/completions, streamed (SSE) and not. Each request takes
 * the next answer of its plan; requests are kept for the test to look at.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type Answer =
  | { readonly kind: "text"; readonly text: string; readonly usage?: Usage; readonly id?: string }
  | {
      readonly kind: "tools";
      readonly id?: string;
      readonly calls: readonly { readonly name: string; readonly args: Record<string, unknown> }[];
    }
  | {
      readonly kind: "error";
      readonly status: number;
      readonly headers?: Record<string, string>;
      readonly code?: string;
      readonly message?: string;
    }
  /** A web page, as a wrong address or a captive portal answers. */
  | { readonly kind: "page" }
  /** Streams this many tokens, then cuts the connection. */
  | { readonly kind: "broken"; readonly tokens: number }
  /** Accepts the request and says nothing; after some tokens if it is a stream. */
  | { readonly kind: "hang"; readonly tokens?: number }
  /** Accepts the connection and resets it. */
  | { readonly kind: "reset" };

export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details?: { readonly cached_tokens: number };
  readonly completion_tokens_details?: { readonly reasoning_tokens: number };
}

export interface ChatRequest {
  readonly authorization: string | undefined;
  readonly body: {
    readonly model: string;
    readonly stream?: boolean;
    readonly messages: readonly { readonly role: string; readonly content: unknown }[];
    readonly tools?: readonly unknown[];
  };
}

export interface OpenAIServer {
  /** With /v1. */
  readonly baseUrl: string;
  readonly requests: ChatRequest[];
  /** The answers of the next requests, in order. */
  plan(...answers: Answer[]): void;
  /** Resolves when a client has gone away before its answer was complete. */
  readonly clientGone: Promise<void>;
  /** Resolves when a request has arrived. */
  requestArrived(): Promise<void>;
  close(): Promise<void>;
}

const DEFAULT_USAGE: Usage = { prompt_tokens: 11, completion_tokens: 7, total_tokens: 18 };

export async function startOpenAIServer(): Promise<OpenAIServer> {
  const requests: ChatRequest[] = [];
  const planned: Answer[] = [];
  const gone = Promise.withResolvers<void>();
  let arrived = Promise.withResolvers<void>();

  const server = createServer((request, response) => {
    void handle(request, response);
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const text = await readAll(request);
    response.on("close", () => {
      if (!response.writableEnded) gone.resolve();
    });
    if (request.method !== "POST" || request.url !== "/v1/chat/completions") {
      sendJson(response, 404, { error: { message: `no such path: ${request.url}`, code: null } });
      return;
    }
    const body = JSON.parse(text) as ChatRequest["body"];
    requests.push({ authorization: request.headers.authorization, body });
    const answer = planned.shift() ?? { kind: "text" as const, text: "unplanned" };
    arrived.resolve();
    arrived = Promise.withResolvers<void>();
    respond(answer, body, request, response, requests.length);
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    requests,
    plan: (...answers) => void planned.push(...answers),
    clientGone: gone.promise,
    requestArrived: () => arrived.promise,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function respond(
  answer: Answer,
  body: ChatRequest["body"],
  request: IncomingMessage,
  response: ServerResponse,
  number: number,
): void {
  switch (answer.kind) {
    case "error":
      sendJson(
        response,
        answer.status,
        {
          error: {
            message: answer.message ?? `planned failure ${answer.status}`,
            type: "error",
            code: answer.code ?? null,
          },
        },
        answer.headers,
      );
      return;
    case "page":
      response.writeHead(200, { "content-type": "text/html" });
      response.end("<html><body>Welcome!</body></html>");
      return;
    case "reset":
      request.socket.resetAndDestroy();
      return;
    case "hang":
      if (body.stream) streamTokens(response, head(body, number), answer.tokens ?? 0);
      return;
    case "broken":
      streamTokens(response, head(body, number), answer.tokens);
      response.socket?.destroySoon();
      return;
    case "text":
    case "tools":
      if (body.stream) stream(response, head(body, number, answer.id), answer);
      else sendJson(response, 200, completion(head(body, number, answer.id), answer));
  }
}

interface Head {
  readonly id: string;
  readonly model: string;
  readonly created: number;
}

function head(
  body: ChatRequest["body"],
  number: number,
  id = `chatcmpl-${number}-${body.messages.length}`,
): Head {
  return {
    id,
    model: body.model,
    created: 1_800_000_000,
  };
}

type Planned = Extract<Answer, { kind: "text" | "tools" }>;

function completion({ id, model, created }: Head, answer: Planned): object {
  const toolCalls = answer.kind === "tools" ? callsOf(answer) : undefined;
  return {
    id,
    model,
    created,
    object: "chat.completion",
    choices: [
      {
        index: 0,
        message: {
          role: "assistant",
          content: answer.kind === "text" ? answer.text : null,
          ...(toolCalls ? { tool_calls: toolCalls } : {}),
        },
        finish_reason: toolCalls ? "tool_calls" : "stop",
      },
    ],
    usage: usageOf(answer),
  };
}

function usageOf(answer: Planned): Usage {
  return (answer.kind === "text" ? answer.usage : undefined) ?? DEFAULT_USAGE;
}

function callsOf(answer: Extract<Answer, { kind: "tools" }>): object[] {
  return answer.calls.map(({ name, args }, index) => ({
    id: `call_${index}_${name}`,
    type: "function",
    function: { name, arguments: JSON.stringify(args) },
  }));
}

function stream(response: ServerResponse, start: Head, answer: Planned): void {
  const send = openStream(response, start);
  send({ role: "assistant", content: "" });
  if (answer.kind === "text") {
    for (const piece of answer.text.match(/\s*\S+|\s+$/g) ?? []) send({ content: piece });
    send({}, "stop");
  } else {
    for (const [index, { name, args }] of answer.calls.entries()) {
      const call = { index, id: `call_${index}_${name}`, type: "function" };
      send({ tool_calls: [{ ...call, function: { name, arguments: "" } }] });
      for (const piece of JSON.stringify(args).match(/.{1,5}/gs) ?? []) {
        send({ tool_calls: [{ index, function: { arguments: piece } }] });
      }
    }
    send({}, "tool_calls");
  }
  response.write(
    `data: ${JSON.stringify({ ...start, object: "chat.completion.chunk", choices: [], usage: usageOf(answer) })}\n\n`,
  );
  response.end("data: [DONE]\n\n");
}

function streamTokens(response: ServerResponse, start: Head, tokens: number): void {
  const send = openStream(response, start);
  send({ role: "assistant", content: "" });
  for (let index = 0; index < tokens; index++) send({ content: `token${index} ` });
}

function openStream(
  response: ServerResponse,
  start: Head,
): (delta: object, finishReason?: string) => void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  return (delta, finishReason) => {
    const choices = [{ index: 0, delta, finish_reason: finishReason ?? null }];
    response.write(
      `data: ${JSON.stringify({ ...start, object: "chat.completion.chunk", choices })}\n\n`,
    );
  };
}

function sendJson(
  response: ServerResponse,
  status: number,
  body: object,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

async function readAll(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(Buffer.from(part));
  return Buffer.concat(parts).toString("utf8");
}
