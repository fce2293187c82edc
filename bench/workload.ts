/** What both sides of a comparison do: the same requests, the same answers. */
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { timestampNow } from "@bufbuild/protobuf/wkt";
import {
  ExecuteRequestSchema,
  type StreamExecuteResponse,
  StreamExecuteResponseSchema,
} from "../gen/agentlane/v1/agent_service_pb.js";
import { ChatCompletionChunkSchema } from "../gen/agentlane/v1/chunk_pb.js";
import { type Message, MessageSchema, Role } from "../gen/agentlane/v1/content_pb.js";
import { TaskEventSchema } from "../gen/agentlane/v1/task_pb.js";

export const AGENT_ID = "bench";
export const EXECUTE = "/agentlane.v1.AgentService/Execute";
export const STREAM_EXECUTE = "/agentlane.v1.AgentService/StreamExecute";

/** Chunks of a synthetic stream, and their text. */
export const CHUNKS_A_STREAM = 1000;
const CHUNK_TEXT = "thirty bytes of streamed text ";
/** Tokens of the streaming graph. */
export const TOKENS_A_STREAM = 200;

export const QUESTION = "What is the weather like? ".repeat(6);
export const ANSWER = "Mild, with some clouds and a light wind from the west. ".repeat(8);

/** About 200 bytes; a stateless turn. */
export function requestBytes(): string {
  const request: MessageInitShape<typeof ExecuteRequestSchema> = {
    agentId: AGENT_ID,
    messages: [{ role: Role.USER, content: [{ part: { case: "text", value: QUESTION } }] }],
  };
  const bytes = toBinary(ExecuteRequestSchema, create(ExecuteRequestSchema, request));
  return Buffer.from(bytes).toString("base64");
}

/** About 500 bytes. */
export function answerMessage(text = ANSWER): Message {
  return create(MessageSchema, {
    id: "0197f3c2-7a00-7000-8000-000000000001",
    role: Role.ASSISTANT,
    content: [{ part: { case: "text", value: text } }],
    createdAt: timestampNow(),
  });
}

export function chunk(content = CHUNK_TEXT) {
  return create(ChatCompletionChunkSchema, {
    id: "0197f3c2-7a00-7000-8000-000000000001",
    object: "chat.completion.chunk",
    created: 1_800_000_000,
    model: AGENT_ID,
    choices: [{ index: 0, delta: { content } }],
  });
}

export function chunkResponse(taskId: string, sequence: number): StreamExecuteResponse {
  return create(StreamExecuteResponseSchema, {
    taskId,
    attempt: 1,
    sequence,
    event: create(TaskEventSchema, {
      createdAt: timestampNow(),
      kind: { case: "chunk", value: chunk() },
    }),
  });
}
