/**
 * Seam: an agent framework. An executor is stateless: everything a turn needs is passed in, all it
 * produced comes out, and nothing of a session stays behind. Compiled graphs, model clients and tool
 * connections belong to agent definitions and may be shared. Conformance:
 * test/conformance/executor-suite.ts.
 */
import type { JsonValue } from "@bufbuild/protobuf";
import type { ContentPart, Message, Usage } from "../../gen/agentlane/v1/content_pb.js";
import type {
  AgentDescription,
  AgentProblem,
  FrameworkHealth,
} from "../../gen/agentlane/v1/operations_service_pb.js";
import type { ExecutionContext } from "../../gen/agentlane/v1/session_pb.js";
import type { Interrupt, TaskEvent } from "../../gen/agentlane/v1/task_pb.js";
import type { Service } from "../lifecycle.ts";
import type { AgentDefinition } from "./agent-definition.ts";

export interface FrameworkExecutor extends Service {
  /** E.g. langgraph. */
  readonly framework: string;
  /** Problems of a definition, most important first; empty = usable. Loads its modules, calls no model. */
  validate(agent: AgentDefinition): Promise<AgentProblem[]>;
  /** What clients see of it. Rejects with `invalid_argument` when validate finds problems. */
  describe(agent: AgentDefinition): Promise<AgentDescription>;
  /**
   * Runs one turn. Yields events as they happen and, last, exactly one outcome. Rejects with an
   * AgentlaneError (retryable or not); once `turn.signal` has aborted it ends soon, starts no tool
   * call any more, and may yield or throw anything, which the caller ignores.
   */
  execute(turn: Turn): AsyncIterable<TurnEvent>;
  /** Whether a turn could start from this checkpoint of a session. For imports; decodes all of it. */
  readsCheckpoint(checkpoint: Uint8Array): boolean;
  health(): FrameworkHealth;
}

/** One turn, complete. */
export interface Turn {
  readonly agent: AgentDefinition;
  readonly taskId: string;
  /** 1-based. */
  readonly attempt: number;
  /**
   * The committed session; without ids and history for a stateless turn. Must not be changed. A
   * checkpoint may hold an open question that `interrupts` does not name: the question was dropped.
   */
  readonly context: ExecutionContext;
  /**
   * New messages of this turn, with ids; the history precedes them. With `resume` they are what the
   * user said with the answer: they belong into the history, and the graph does not get them.
   */
  readonly messages: readonly Message[];
  /** Further graph input; undefined = none. */
  readonly input: JsonValue | undefined;
  /**
   * The answer to `context.interrupts`; undefined = the turn is no resume: it starts the graph from
   * its beginning, with the checkpoint's state and without its unfinished work.
   */
  readonly resume: JsonValue | undefined;
  /** Whether token events are wanted; without them the graph is invoked, not streamed. */
  readonly streaming: boolean;
  readonly configurable: Readonly<Record<string, JsonValue>>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

export type TurnEvent =
  | { readonly type: "event"; readonly kind: TaskEvent["kind"] }
  | { readonly type: "outcome"; readonly outcome: TurnOutcome };

export interface TurnOutcome {
  /** Messages this turn added after its input messages, in order. */
  readonly messages: readonly Message[];
  /**
   * The whole history after this turn, input messages included, where the graph changed more than it
   * appended (summaries, removals); undefined = history + input + messages.
   */
  readonly history: readonly Message[] | undefined;
  /** The graph's final state, for graphs whose state is more than messages. */
  readonly state: JsonValue | undefined;
  readonly usage: Usage | undefined;
  readonly finishReason: string;
  /** Non-empty: the graph asks; the task becomes INPUT_REQUIRED. */
  readonly interrupts: readonly Interrupt[];
  /** Replaces `context.checkpoint`; empty = none. */
  readonly checkpoint: Uint8Array;
}

/** The kinds of content, for exhaustive conversions. */
export type PartKind = ContentPart["part"];
