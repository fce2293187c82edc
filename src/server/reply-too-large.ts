/** A reply that exceeds the limit of a message: which task it is about, and what helps. */
import { isMessage, type Message } from "@bufbuild/protobuf";
import { Code, type ConnectError } from "@connectrpc/connect";
import {
  ExecuteResponseSchema,
  StreamExecuteResponseSchema,
} from "../../gen/agentlane/v1/agent_service_pb.js";
import {
  ExportSessionResponseSchema,
  GetSessionResponseSchema,
} from "../../gen/agentlane/v1/session_service_pb.js";
import {
  GetTaskResponseSchema,
  WatchTaskResponseSchema,
} from "../../gen/agentlane/v1/task_service_pb.js";
import { wireError } from "./error-codes.ts";

export function replyTooLarge(reply: Message, byteLength: number, maxBytes: number): ConnectError {
  const taskId = taskIdOf(reply);
  return wireError({
    code: Code.ResourceExhausted,
    reason: "REPLY_TOO_LARGE",
    message: `the reply has ${byteLength} bytes, ${maxBytes} are allowed: ${remedyOf(reply)}`,
    metadata: taskId ? { task_id: taskId } : {},
    mayRetry: false,
  });
}

/** The task is done all the same: its id is what a client can go on with. */
function taskIdOf(reply: Message): string | undefined {
  if (isMessage(reply, GetTaskResponseSchema)) return reply.task?.taskId;
  const isOfTask =
    isMessage(reply, ExecuteResponseSchema) ||
    isMessage(reply, StreamExecuteResponseSchema) ||
    isMessage(reply, WatchTaskResponseSchema);
  return isOfTask ? reply.taskId : undefined;
}

function remedyOf(reply: Message): string {
  const isSession =
    isMessage(reply, GetSessionResponseSchema) || isMessage(reply, ExportSessionResponseSchema);
  const larger = "raise MAX_MESSAGE_BYTES, and the limit of the client";
  if (!isSession) return larger;
  return `the session's history is too long; lower the agent's history.maxMessages or history.maxTokens, or ${larger}`;
}
