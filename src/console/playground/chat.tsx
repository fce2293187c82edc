/** The conversation, oldest first; it keeps to its end while it grows, unless one scrolls up. */
import { Code, ConnectError } from "@connectrpc/connect";
import { useEffect, useRef } from "preact/hooks";
import type { ExecutionContext } from "../../../gen/agentlane/v1/session_pb.js";
import { TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import { stateName } from "../model/states.ts";
import { jsonOf, type Question } from "../model/turn-view.ts";
import { useObservable, usePolled } from "../services/hooks.ts";
import { useServices } from "../services/services.ts";
import { MessageList } from "../sessions/message-list.tsx";
import { useKeepToEnd } from "../ui/keep-to-end.ts";
import { Empty, FailureNote } from "../ui/parts.tsx";
import { AnswerForm } from "./answer-form.tsx";
import { type ConversationState, runningTurn } from "./conversation.ts";
import { useConversation } from "./conversation-provider.tsx";
import { TurnItem } from "./turn-item.tsx";

export function Chat() {
  const conversation = useConversation();
  const state = useObservable(conversation.state);
  const { earlier, questions, failure } = useEarlier(state);
  const box = useRef<HTMLDivElement>(null);
  const onScroll = useKeepToEnd(box, state);
  const open = openQuestions(state, questions);
  const isEmpty = state.turns.length === 0 && earlier.length === 0;
  return (
    <>
      <div
        class="chat"
        ref={box}
        role="log"
        aria-live="off"
        aria-label="Conversation"
        tabIndex={0}
        onScroll={onScroll}
      >
        {failure && <FailureNote failure={failure} />}
        {isEmpty && <Suggestions agentId={state.agentId} />}
        {earlier.length > 0 && (
          <section aria-label="Earlier in this session" class="earlier">
            <p class="quiet-text">Earlier in this session</p>
            <MessageList messages={earlier} />
          </section>
        )}
        {state.turns.map((turn) => (
          <TurnItem key={turn.key} turn={turn} />
        ))}
        {open.length > 0 && <AnswerForm key={open.map(({ id }) => id).join()} questions={open} />}
      </div>
      <p class="sr-only" role="status">
        {announcement(state)}
      </p>
    </>
  );
}

/** What the session asks now: of the last turn here, or from before it was opened. */
function openQuestions(
  state: ConversationState,
  earlier: readonly Question[],
): readonly Question[] {
  const last = state.turns.at(-1);
  if (!last) return earlier;
  return last.view.state === TaskState.INPUT_REQUIRED ? last.view.questions : [];
}

function announcement(state: ConversationState): string {
  const last = state.turns.at(-1);
  if (!last) return "";
  if (runningTurn(state)) return `${state.agentId} is answering`;
  const text = last.view.blocks.findLast((block) => block.kind === "text");
  return `${stateName(last.view.state)}. ${text?.kind === "text" ? text.text.slice(0, 500) : ""}`;
}

/** The part of the session's history that is not shown as turns. */
function useEarlier(state: ConversationState) {
  const { sessions } = useServices();
  const conversation = useConversation();
  const { agentId, sessionId, earlierCount } = state;
  const hasEarlier = earlierCount !== 0 && agentId !== "" && sessionId !== "";
  const { data, failure } = usePolled<ExecutionContext | undefined>(
    async (signal) => {
      if (!hasEarlier) return undefined;
      try {
        return (await sessions.getSession({ agentId, sessionId }, { signal })).context;
      } catch (error) {
        // It begins with the first turn.
        if (ConnectError.from(error).code === Code.NotFound) return undefined;
        throw error;
      }
    },
    0,
    `${agentId} ${sessionId} ${hasEarlier}`,
  );
  const isUnknown = earlierCount === undefined;
  useEffect(() => {
    if (data && isUnknown) conversation.setEarlierCount(data.history.length);
  }, [data, isUnknown, conversation]);
  const questions = (data?.interrupts ?? []).map(({ id, value }) => ({ id, value: jsonOf(value) }));
  return { earlier: data?.history.slice(0, earlierCount) ?? [], questions, failure };
}

const SUGGESTIONS: Readonly<Record<string, readonly string[]>> = {
  demo: ["What is 12 * 34?", "Note: buy milk", "Delete my notes", "Count slowly to 10"],
  echo: ["Hello, who is there?", "Say this word by word"],
};

function Suggestions({ agentId }: { agentId: string }) {
  const conversation = useConversation();
  const { sessionId } = useObservable(conversation.state);
  return (
    <Empty
      title={agentId ? `Say something to ${agentId}` : "Choose an agent"}
      action={
        <div class="suggestions">
          {(SUGGESTIONS[agentId] ?? []).map((text) => (
            <button
              key={text}
              type="button"
              class="button plain"
              onClick={() => conversation.send({ agentId, sessionId, text })}
            >
              {text}
            </button>
          ))}
        </div>
      }
    />
  );
}
