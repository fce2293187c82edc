/**
 * A task's log as OpenAI's `chat.completion.chunk` objects. The text of all model messages of the
 * turn is shown, in paragraphs; the agent's tool calls are its own affair and come with the end.
 */
import type { StreamExecuteResponse } from "../../../gen/agentlane/v1/agent_service_pb.js";
import type { ChatCompletionChunk } from "../../../gen/agentlane/v1/chunk_pb.js";
import type { TaskResult } from "../../../gen/agentlane/v1/task_pb.js";
import { TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import { AgentlaneError } from "../../errors.ts";
import { isTerminal } from "../../tasks/task-state.ts";
import { answerOf, completionId, extensionOf, PARAGRAPH, usageOf } from "./completion.ts";

export interface ChunkHead {
  readonly model: string;
  /** Unix seconds. */
  readonly created: number;
  readonly includeUsage: boolean;
}

interface Delta {
  role?: "assistant";
  content?: string;
  reasoning_content?: string;
  refusal?: string;
}

/**
 * The chunks that a batch of the log adds. Throws when an attempt begins after output of the one
 * before it has been shown: there is no way to take that back.
 */
export type ToChunks = (replies: readonly StreamExecuteResponse[]) => object[];

export function createChunks({ model, created, includeUsage }: ChunkHead): ToChunks {
  let taskId = "";
  let opened = false;
  let hasText = false;
  /** The model message that the last text belongs to. */
  let messageId = "";

  const envelope = (choices: object[], rest: object): object => ({
    id: completionId(taskId),
    object: "chat.completion.chunk",
    created,
    model,
    choices,
    ...rest,
  });
  const chunk = (added: Delta, finishReason: string | null = null, rest: object = {}): object => {
    const delta: Delta = opened ? added : { role: "assistant", content: "", ...added };
    opened = true;
    const choice = { index: 0, delta, logprobs: null, finish_reason: finishReason };
    return envelope([choice], includeUsage ? { usage: null, ...rest } : rest);
  };
  const text = (content: string, id: string): Delta => {
    const isNext = hasText && id !== messageId;
    hasText = true;
    messageId = id;
    return { content: isNext ? PARAGRAPH + content : content };
  };

  function piece({ id, choices }: ChatCompletionChunk): object[] {
    const { content, reasoningContent, refusal } = choices[0]?.delta ?? {};
    if (!content && !reasoningContent && !refusal) return [];
    return [
      chunk({
        ...(content ? text(content, id) : {}),
        ...(reasoningContent ? { reasoning_content: reasoningContent } : {}),
        ...(refusal ? { refusal } : {}),
      }),
    ];
  }

  function ending(result: TaskResult | undefined): object[] {
    const answer = answerOf(result);
    const { content, finishReason, interrupts } = answer;
    // A repeated call may find a task that was not streamed: then the answer comes in one piece.
    const isMissing = content !== "" && (interrupts.length > 0 || !hasText);
    const last = isMissing ? [chunk(text(content, "ending"))] : [];
    last.push(chunk({}, finishReason, extensionOf(answer)));
    if (includeUsage) last.push(envelope([], { usage: usageOf(result?.usage) }));
    return last;
  }

  return (replies) => {
    taskId = replies[0]?.taskId ?? taskId;
    const restart = replies.findLastIndex(isRestart);
    if (restart >= 0 && opened) throw outputVoid(taskId);
    return replies.slice(restart + 1).flatMap(({ event }) => {
      if (event?.kind.case === "chunk") return piece(event.kind.value);
      if (event?.kind.case !== "stateChange") return [];
      const { state, result } = event.kind.value;
      const isAnswered = state === TaskState.COMPLETED || state === TaskState.INPUT_REQUIRED;
      return isAnswered ? ending(result) : [];
    });
  };
}

/** What an attempt has put out before it is void: the task waits again, or a new one begins. */
function isRestart({ event }: StreamExecuteResponse): boolean {
  return event?.kind.case === "stateChange" && !isTerminal(event.kind.value.state);
}

function outputVoid(taskId: string): AgentlaneError {
  return new AgentlaneError(
    "unavailable",
    "OUTPUT_VOID",
    "the attempt ended after a part of its answer had been sent, which the next attempt would not " +
      "go on with; the task is canceled: send the request again",
    { metadata: { task_id: taskId } },
  );
}
