/** The conversation in the tab's storage, so that a reload loses nothing. */
import { EMPTY_TURN } from "../model/turn-view.ts";
import type { ConversationState, PlayTurn } from "./conversation.ts";

const STORAGE_KEY = "agentlane.playground";
const MAX_TURNS = 50;

const NOTHING: ConversationState = { agentId: "", sessionId: "", turns: [] };

/** Keeps less when there is no room for all of it. */
export function saveConversation(storage: Storage, state: ConversationState): void {
  const turns = state.turns.slice(-MAX_TURNS);
  for (const kept of [turns, turns.slice(-5), turns.slice(-1).map(withoutView)]) {
    try {
      storage.setItem(STORAGE_KEY, JSON.stringify({ ...state, turns: kept }));
      return;
    } catch (error) {
      // Storage is full.
      if (!(error instanceof DOMException)) throw error;
    }
  }
}

/** Its log is then read again from the beginning. */
function withoutView(turn: PlayTurn): PlayTurn {
  const { taskId, state } = turn.view;
  return { ...turn, view: { ...EMPTY_TURN, taskId, state } };
}

export function loadConversation(storage: Storage): ConversationState {
  const text = storage.getItem(STORAGE_KEY);
  if (text === null) return NOTHING;
  try {
    const stored: Partial<ConversationState> = JSON.parse(text);
    return { ...NOTHING, ...stored };
  } catch (error) {
    if (error instanceof SyntaxError) return NOTHING;
    throw error;
  }
}
