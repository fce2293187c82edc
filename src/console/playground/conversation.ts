/**
 * The playground's conversation: its turns run on while other pages are looked at, and a reload in
 * the middle of an answer goes on after the last entry that was seen.
 */
import { Role } from "../../../gen/agentlane/v1/content_pb.js";
import { OnDisconnect } from "../../../gen/agentlane/v1/task_pb.js";
import { randomId } from "../clock.ts";
import type { CallDraft } from "../model/snippets.ts";
import { isTerminal } from "../model/states.ts";
import { EMPTY_TURN, type LogEntry, type TurnView, withEntry } from "../model/turn-view.ts";
import { isLost, isUnauthenticated, untilUnlocked } from "../services/connection.ts";
import { describeFailure, type Failure } from "../services/failure.ts";
import { followTask } from "../services/follow-task.ts";
import { type Observable, observable } from "../services/observable.ts";
import type { Services } from "../services/services.ts";
import { requestValue } from "./request-value.ts";
import { loadConversation, saveConversation } from "./stored-conversation.ts";

export interface PlayTurn {
  /** Its idempotency key: whatever happens, it runs once. */
  readonly key: string;
  readonly draft: CallDraft;
  readonly view: TurnView;
  /** Why it was refused, or its log could not be read; a task that failed has view.error. */
  readonly failure?: Failure | undefined;
}

export interface ConversationState {
  readonly agentId: string;
  /** Empty = each turn stands alone. */
  readonly sessionId: string;
  /** Messages of the session that are older than the first turn here; absent until it is known. */
  readonly earlierCount?: number | undefined;
  readonly turns: readonly PlayTurn[];
}

export interface Conversation {
  readonly state: Observable<ConversationState>;
  /** Takes up a session; what runs goes on without being watched. */
  open(agentId: string, sessionId: string): void;
  /** The same with a session that nobody has used. */
  begin(agentId: string): void;
  setEarlierCount(count: number): void;
  /** Does nothing while a turn runs. */
  send(draft: CallDraft): void;
  /** Cancels the turn that runs. */
  stop(): Promise<void>;
  /** Goes on where the page was left. */
  resume(): void;
}

/** Tokens that arrive together are drawn together. */
const DRAW_INTERVAL_MS = 50;
const SAVE_INTERVAL_MS = 250;
const RETRY_MS = 1000;

export function createConversation(services: Services): Conversation {
  const state = observable(loadConversation(services.storage));
  let watching = new AbortController();

  const update = (key: string, change: (turn: PlayTurn) => PlayTurn): void => {
    const current = state.get();
    const turns = current.turns.map((turn) => (turn.key === key ? change(turn) : turn));
    state.set({ ...current, turns });
  };
  const save = saver(services, state);

  const watch = async (turn: PlayTurn, signal: AbortSignal): Promise<void> => {
    const drawn = batched(services, (entries) => {
      update(turn.key, (before) => ({ ...before, view: entries.reduce(withEntry, before.view) }));
    });
    try {
      for await (const entry of entriesOf(services, turn, signal)) drawn.add(entry);
      drawn.end();
    } catch (error) {
      drawn.end();
      if (signal.aborted) return;
      // After a terminal event it repeats what the event said.
      const failure = describeFailure(error);
      update(turn.key, (before) => (isDone(before) ? before : { ...before, failure }));
    }
  };

  const change = (to: ConversationState): void => {
    watching.abort();
    watching = new AbortController();
    state.set(to);
  };

  return {
    state,
    open: (agentId, sessionId) => change({ agentId, sessionId, turns: [] }),
    begin(agentId) {
      const sessionId = `play-${randomId().slice(0, 8)}`;
      change({ agentId, sessionId, earlierCount: 0, turns: [] });
    },
    setEarlierCount: (earlierCount) => state.set({ ...state.get(), earlierCount }),
    send(draft) {
      if (runningTurn(state.get())) return;
      const turn: PlayTurn = { key: `play-${randomId()}`, draft, view: EMPTY_TURN };
      state.set({ ...state.get(), turns: [...state.get().turns, turn] });
      // Before the call is made: after a reload it is the same one.
      save();
      void watch(turn, watching.signal);
    },
    async stop() {
      const turn = runningTurn(state.get());
      if (!turn) return;
      const { taskId } = turn.view;
      const target = taskId
        ? { case: "taskId" as const, value: taskId }
        : { case: "idempotencyKey" as const, value: turn.key };
      await services.tasks.cancelTask({ target, reason: "stopped in the playground" });
    },
    resume() {
      const turn = runningTurn(state.get());
      if (turn) void watch(turn, watching.signal);
    },
  };
}

export function runningTurn({ turns }: ConversationState): PlayTurn | undefined {
  const last = turns.at(-1);
  return last && !isDone(last) ? last : undefined;
}

function isDone({ view, failure }: PlayTurn): boolean {
  return isTerminal(view.state) || failure !== undefined;
}

/** The entries that have not been seen. Before the first, the call is repeated with its key. */
async function* entriesOf(
  services: Services,
  turn: PlayTurn,
  signal: AbortSignal,
): AsyncGenerator<LogEntry> {
  let { taskId, lastSequence } = turn.view;
  while (taskId === "" && !signal.aborted) {
    await untilUnlocked(services.connection, signal);
    try {
      for await (const entry of services.agents.streamExecute(requestOf(turn), { signal })) {
        taskId = entry.taskId;
        lastSequence = entry.sequence;
        yield entry;
      }
      return;
    } catch (error) {
      if (signal.aborted || isTaskError(error)) throw error;
      services.connection.failed(error);
      if (!isLost(error) && !isUnauthenticated(error)) throw error;
      if (taskId === "") await services.clock.sleep(RETRY_MS, signal);
    }
  }
  yield* followTask(services, taskId, lastSequence, signal);
}

/** Of a task that ended so: another try would only be told the same. */
function isTaskError(error: unknown): boolean {
  return describeFailure(error).taskId !== "";
}

function requestOf({ key, draft }: PlayTurn) {
  const { agentId, sessionId, text, input, resume, configurable } = draft;
  const content = [{ part: { case: "text" as const, value: text } }];
  return {
    agentId,
    sessionId,
    messages: text === "" ? [] : [{ role: Role.USER, content }],
    idempotencyKey: key,
    onDisconnect: OnDisconnect.CONTINUE,
    ...(input !== undefined && { input: requestValue(input) }),
    ...(resume !== undefined && { resume: requestValue(resume) }),
    ...(configurable && { configurable }),
  };
}

/** Saves what has changed every now and then, when the page goes, and when told to. */
function saver({ clock, storage }: Services, state: Observable<ConversationState>): () => void {
  let saved = state.get();
  const save = (): void => {
    if (saved === state.get()) return;
    saved = state.get();
    saveConversation(storage, saved);
  };
  clock.every(SAVE_INTERVAL_MS, save);
  window.addEventListener("pagehide", save);
  return save;
}

function batched(services: Services, draw: (entries: readonly LogEntry[]) => void) {
  let waiting: LogEntry[] = [];
  const flush = (): void => {
    if (waiting.length === 0) return;
    const entries = waiting;
    waiting = [];
    draw(entries);
  };
  const stop = services.clock.every(DRAW_INTERVAL_MS, flush);
  return {
    add: (entry: LogEntry) => void waiting.push(entry),
    end() {
      stop();
      flush();
    },
  };
}
