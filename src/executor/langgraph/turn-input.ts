/** What a graph is called with: its input and its config. */
import "./environment.ts";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { CallbackManager } from "@langchain/core/callbacks/manager";
import { Command } from "@langchain/langgraph";
import { AgentlaneError, invalidField } from "../../errors.ts";
import type { Turn } from "../contract.ts";
import type { TurnCheckpointSaver } from "./checkpoint.ts";
import type { Graph } from "./graph.ts";
import { isJsonObject } from "./json.ts";
import { toLangChain } from "./messages.ts";

/** The id of a pause that asks nothing: interruptBefore or interruptAfter. */
export const BREAKPOINT = "breakpoint";

export function graphInput(turn: Turn, graph: Graph): unknown {
  if (turn.resume !== undefined) return resumeInput(turn);
  if (!graph.takesMessages) {
    if (turn.input !== undefined) return turn.input;
    throw invalidField("input", "this agent's graph has no messages; it needs input");
  }
  const extra = extraInput(turn.input);
  const messages = toLangChain([...turn.context.history, ...turn.messages]);
  if (messages.length === 0 && turn.input === undefined) {
    throw invalidField("messages", "at least one message or input is needed");
  }
  return { ...extra, messages };
}

function extraInput(input: JsonValue | undefined): JsonObject {
  if (input === undefined || input === null) return {};
  if (!isJsonObject(input)) throw invalidField("input", "must be an object of the graph's state");
  if ("messages" in input) {
    throw invalidField("input.messages", "messages belong into the field messages of the request");
  }
  return input;
}

function resumeInput(turn: Turn): unknown {
  const { interrupts, checkpoint } = turn.context;
  if (interrupts.length === 0 || checkpoint.length === 0) {
    throw new AgentlaneError(
      "failed_precondition",
      "NOTHING_TO_RESUME",
      "the session has no open question; send messages without resume",
    );
  }
  if (interrupts.every(({ id }) => id === BREAKPOINT)) return null;
  return new Command({
    resume: answers(
      interrupts.map(({ id }) => id),
      turn.resume ?? null,
    ),
  });
}

/** LangGraph's map of answers by the id of the question. */
function answers(ids: readonly string[], resume: JsonValue): Record<string, JsonValue> {
  const [first] = ids;
  if (ids.length === 1 && first !== undefined) {
    const byId = isJsonObject(resume) ? resume[first] : undefined;
    return { [first]: byId ?? resume };
  }
  if (isJsonObject(resume) && ids.every((id) => id in resume)) return resume;
  if (Array.isArray(resume) && resume.length === ids.length) {
    return Object.fromEntries(ids.map((id, index) => [id, resume[index] ?? null]));
  }
  throw invalidField(
    "resume",
    `${ids.length} questions are open; answer with an object by question id (${ids.join(", ")}) or a list in their order`,
  );
}

export interface ConfigParts {
  readonly signal: AbortSignal;
  readonly saver: TurnCheckpointSaver | undefined;
  /** Undefined = nobody listens. */
  readonly callbacks: CallbackManager | undefined;
  readonly internal: Readonly<Record<string, unknown>>;
  readonly writer: (data: unknown) => void;
}

export function graphConfig(turn: Turn, parts: ConfigParts): Record<string, unknown> {
  const { agent } = turn;
  const recursionLimit = agent.options.recursionLimit;
  return {
    runName: agent.id,
    signal: parts.signal,
    writer: parts.writer,
    metadata: { ...turn.metadata },
    configurable: {
      ...turn.configurable,
      ...parts.internal,
      thread_id: threadIdOf(turn),
      ...(parts.saver ? { checkpoint_ns: "", __pregel_checkpointer: parts.saver } : {}),
    },
    ...(parts.saver ? { durability: "exit" } : {}),
    ...(parts.callbacks ? { callbacks: parts.callbacks } : {}),
    ...(typeof recursionLimit === "number" ? { recursionLimit } : {}),
  };
}

/** LangGraph's name for a session; a stateless turn is a thread of its own. */
export function threadIdOf(turn: Turn): string {
  const { agentId, sessionId } = turn.context;
  return sessionId ? `${agentId}#${sessionId}` : turn.taskId;
}
