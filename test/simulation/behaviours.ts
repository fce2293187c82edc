/** What agents do in the simulation: every turn follows a behaviour named by its request. */
import { create } from "@bufbuild/protobuf";
import { type Message, MessageSchema, Role } from "../../gen/agentlane/v1/content_pb.js";
import { AgentlaneError } from "../../src/errors.ts";
import type { Turn, TurnEvent } from "../../src/executor/contract.ts";
import type { FakeProcess } from "../fakes/fake-process.ts";
import {
  assistantMessage,
  chunk,
  forever,
  messageEvent,
  outcome,
  question,
  untilAborted,
} from "../fakes/scripted-executor.ts";

export type End =
  | "complete"
  | "ask"
  | "leave-call-open"
  | "fail"
  | "fail-for-good"
  | "fail-later"
  | "hang"
  | "ignore-signal"
  | "finish-late"
  | "throw-after-abort"
  | "no-outcome";

export interface Behaviour {
  /** Events before the end. */
  readonly eventCount: number;
  /** Between events. */
  readonly gapMs: number;
  readonly callsTools: boolean;
  readonly end: End;
}

/** What the history hears of a turn. */
export interface TurnObserver {
  emitted(text: string): void;
  toolCalled(): void;
}

/** Well above the cancel's grace. */
const LATE_MS = 8000;
export const RETRY_AFTER_MS = 3000;

export async function* behave(
  turn: Turn,
  behaviour: Behaviour,
  process: FakeProcess,
  observer: TurnObserver,
): AsyncGenerator<TurnEvent> {
  const { clock } = process;
  const prefix = `${turn.taskId}/${turn.attempt}`;
  for (let index = 0; index < behaviour.eventCount; index++) {
    if (behaviour.gapMs > 0) await clock.sleep(behaviour.gapMs, turn.signal);
    await process.turn();
    if (turn.signal.aborted && behaviour.end !== "ignore-signal") throw turn.signal.reason;
    if (behaviour.callsTools && !turn.signal.aborted) observer.toolCalled();
    const text = `${prefix}/${index}`;
    observer.emitted(text);
    yield turn.streaming ? chunk(prefix, text) : messageEvent(assistantMessage(text, text));
  }
  const answer = assistantMessage(`${prefix}/answer`, `out:${prefix}`);
  switch (behaviour.end) {
    case "complete":
      yield outcome({ messages: [answer] });
      return;
    case "ask":
      yield outcome({ messages: [answer], interrupts: [question(prefix, "really?")] });
      return;
    case "leave-call-open":
      yield outcome({ messages: [openCall(prefix)] });
      return;
    case "fail":
      throw new Error(`${prefix} failed`);
    case "fail-for-good":
      throw new AgentlaneError("invalid_argument", "BAD_MODEL", "no such model");
    case "fail-later":
      throw new AgentlaneError("resource_exhausted", "MODEL_RATE_LIMITED", "429", {
        retryAfterMs: RETRY_AFTER_MS,
      });
    case "hang":
      await untilAborted(turn.signal);
      return;
    case "ignore-signal":
      await forever();
      return;
    case "finish-late":
      await clock.sleep(LATE_MS);
      yield outcome({ messages: [answer] });
      return;
    case "throw-after-abort":
      await untilAborted(turn.signal).catch(() => clock.sleep(500));
      throw new TypeError("cannot read properties of undefined");
    case "no-outcome":
  }
}

function openCall(id: string): Message {
  return create(MessageSchema, {
    id: `${id}/call`,
    role: Role.ASSISTANT,
    content: [
      { part: { case: "text", value: `out:${id}` } },
      { part: { case: "toolCall", value: { id: `call-${id}`, name: "look" } } },
    ],
  });
}
