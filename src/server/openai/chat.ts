/** POST /v1/chat/completions: a turn of an agent, answered whole or in events. */
import { create, isMessage, type Message } from "@bufbuild/protobuf";
import {
  AgentService,
  ExecuteRequestSchema,
  ExecuteResponseSchema,
  type StreamExecuteResponse,
  StreamExecuteResponseSchema,
} from "../../../gen/agentlane/v1/agent_service_pb.js";
import type { HttpRequest, HttpResponse } from "../connect-adapter.ts";
import { toWireError } from "../error-codes.ts";
import type { Call, ServerStreamingMethod } from "../rpc.ts";
import { type ChatRequest, parseChatRequest } from "./chat-request.ts";
import { createChunks, type ToChunks } from "./chunks.ts";
import { completionOf } from "./completion.ts";
import { errorReply } from "./errors.ts";
import { createEventStream } from "./event-stream.ts";
import { createExchange, readJson } from "./exchange.ts";
import type { OpenAIParts } from "./parts.ts";
import { encoded, sendError, sendJson } from "./reply.ts";

const PATH = "/v1/chat/completions";
const NAME = `POST ${PATH}`;

export async function serveChat(
  parts: OpenAIParts,
  request: HttpRequest,
  response: HttpResponse,
): Promise<void> {
  const { clock, limits } = parts;
  const created = Math.floor(clock.now() / 1000);
  let chat: ChatRequest | undefined;
  const exchange = createExchange(parts.peerOf(request), request, response, async () => {
    chat = parseChatRequest(await readJson(request, limits, clock), request.headers);
    return chat.message;
  });
  const method = chatMethod((call) => {
    if (!chat) throw new Error("a turn before its request");
    return turnOf(parts, chat, call);
  });
  const events = createEventStream({ response, clock, onClose: exchange.onClose });
  let toChunks: ToChunks | undefined;
  let whole: { taskId: string; body: object } | undefined;
  try {
    for await (const replies of parts.interceptors.serverStreaming(method, exchange)) {
      const [first] = replies;
      const model = chat?.message.agentId ?? "";
      if (first && isMessage(first, ExecuteResponseSchema)) {
        whole = { taskId: first.taskId, body: completionOf(first, model, created) };
        continue;
      }
      const entries = replies.filter(isEntry);
      const taskId = entries[0]?.taskId ?? "";
      toChunks ??= createChunks({ model, created, includeUsage: chat?.includeUsage ?? false });
      events.begin(taskId);
      const chunks = toChunks(entries);
      await events.send(chunks.map((chunk) => encoded(chunk, limits.maxMessageBytes, taskId)));
    }
    if (!whole) events.end("[DONE]");
    else {
      const text = encoded(whole.body, limits.maxMessageBytes, whole.taskId);
      sendJson(response, 200, text, { "x-request-id": whole.taskId });
    }
  } catch (error) {
    const wire = toWireError(error, (cause) => parts.onError(cause, NAME));
    const reply = errorReply(wire, request.headers["idempotency-key"] !== undefined);
    if (events.opened) events.end(JSON.stringify({ error: reply.error }));
    else sendError(response, reply);
  }
}

/** Whether the reply is a stream is known only when the body is read: so it always is one here. */
function chatMethod(
  handle: (call: Call) => AsyncIterable<readonly Message[]>,
): ServerStreamingMethod {
  return {
    kind: "server_streaming",
    descriptor: AgentService.method.streamExecute,
    path: PATH,
    name: NAME,
    duringDrain: "refused",
    handle: (_request, call) => handle(call),
  };
}

function turnOf(
  { agents }: OpenAIParts,
  { message, stream }: ChatRequest,
  call: Call,
): AsyncIterable<readonly Message[]> {
  if (stream) return agents.streamExecute(message, call);
  const { $typeName: _streamed, ...fields } = message;
  return alone(agents.execute(create(ExecuteRequestSchema, fields), call));
}

async function* alone(reply: Promise<Message>): AsyncGenerator<readonly Message[]> {
  yield [await reply];
}

function isEntry(reply: Message): reply is StreamExecuteResponse {
  return isMessage(reply, StreamExecuteResponseSchema);
}
