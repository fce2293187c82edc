/** Fixtures of the executor's tests. */
import { create, type JsonValue } from "@bufbuild/protobuf";
import { type Message, MessageSchema, Role } from "../../gen/agentlane/v1/content_pb.js";
import type { ExecutionContext } from "../../gen/agentlane/v1/session_pb.js";
import type { TaskEvent } from "../../gen/agentlane/v1/task_pb.js";
import {
  type AgentDefinition,
  agentDefinitionSchema,
} from "../../src/executor/agent-definition.ts";
import type {
  FrameworkExecutor,
  Turn,
  TurnEvent,
  TurnOutcome,
} from "../../src/executor/contract.ts";
import { appendTurn, newExecutionContext } from "../../src/executor/execution-context.ts";

export type EventKind = TaskEvent["kind"];

export function agentOf(
  definition: Record<string, unknown> & { template: string },
): AgentDefinition {
  return agentDefinitionSchema.parse({ id: "agent", ...definition });
}

let messageCount = 0;

export function userMessage(text: string): Message {
  messageCount += 1;
  return create(MessageSchema, {
    id: `user-${messageCount}`,
    role: Role.USER,
    content: [{ part: { case: "text", value: text } }],
  });
}

export type TurnInit = Partial<Omit<Turn, "agent">> & { text?: string };

export function turnOf(agent: AgentDefinition, init: TurnInit = {}): Turn {
  const { text, ...rest } = init;
  return {
    agent,
    taskId: "task-1",
    attempt: 1,
    context: newExecutionContext({ agentId: agent.id, sessionId: "session" }),
    messages: text === undefined ? [] : [userMessage(text)],
    input: undefined,
    resume: undefined,
    streaming: false,
    configurable: {},
    metadata: {},
    signal: new AbortController().signal,
    ...rest,
  };
}

export interface Collected {
  readonly events: EventKind[];
  readonly outcome: TurnOutcome;
  /** The content of all chunks, in order. */
  readonly streamed: string;
  /** The text of the last message. */
  readonly answer: string;
}

export async function collect(events: AsyncIterable<TurnEvent>): Promise<Collected> {
  const kinds: EventKind[] = [];
  let outcome: TurnOutcome | undefined;
  for await (const event of events) {
    if (outcome) throw new Error("an event follows the outcome");
    if (event.type === "outcome") outcome = event.outcome;
    else kinds.push(event.kind);
  }
  if (!outcome) throw new Error("the turn ended without an outcome");
  const last = outcome.messages.at(-1);
  return {
    events: kinds,
    outcome,
    streamed: kinds.map(contentOf).join(""),
    answer: last ? textOf(last) : "",
  };
}

export function contentOf(kind: EventKind): string {
  return kind.case === "chunk" ? (kind.value.choices[0]?.delta?.content ?? "") : "";
}

export function textOf(message: Message): string {
  return message.content
    .map(({ part }) => {
      if (part.case === "text") return part.value;
      return part.case === "toolResult" ? part.value.text : "";
    })
    .join("");
}

export function casesOf(events: readonly EventKind[]): string[] {
  return events.map((kind) => kind.case ?? "none");
}

/** A conversation: each call is a turn whose outcome is committed. */
export function conversation(
  executor: FrameworkExecutor,
  agent: AgentDefinition,
): {
  say(text: string | undefined, init?: TurnInit): Promise<Collected>;
  context: ExecutionContext;
} {
  const session = {
    context: newExecutionContext({ agentId: agent.id, sessionId: "session" }),
    async say(text: string | undefined, init: TurnInit = {}): Promise<Collected> {
      const turn = turnOf(agent, {
        context: session.context,
        ...(text === undefined ? {} : { text }),
        ...init,
      });
      const collected = await collect(executor.execute(turn));
      session.context = appendTurn(session.context, {
        messages: turn.messages,
        outcome: collected.outcome,
        metadata: turn.metadata,
        limits: agent.history,
        nowMs: 1_800_000_000_000,
      });
      return collected;
    },
  };
  return session;
}

export function resumeWith(value: JsonValue): TurnInit {
  return { resume: value };
}

/** Rejects with what the turn throws; resolves never with an outcome. */
export async function errorOf(events: AsyncIterable<TurnEvent>): Promise<unknown> {
  try {
    for await (const _event of events);
  } catch (error) {
    return error;
  }
  throw new Error("the turn was expected to fail");
}
