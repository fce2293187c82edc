/** The interface of the agent runtime that Agentlane replaces, over this client; docs/migration.md. */
import { type JsonObject, toJson } from "@bufbuild/protobuf";
import { ChatCompletionChunkSchema } from "../gen/agentlane/v1/chunk_pb.js";
import { Role } from "../gen/agentlane/v1/content_pb.js";
import type { Instance } from "../gen/agentlane/v1/session_pb.js";
import type { AgentlaneClient } from "./client.ts";
import { AgentlaneError } from "./errors.ts";
import { type Turn, type TurnResult, textOf } from "./turn.ts";

export interface AgentExecutionCommand {
  readonly agentId: string;
  readonly sessionId?: string;
  /** What the user says; `messages` where there is more than one. */
  readonly message?: string;
  readonly messages?: readonly { readonly role: "user" | "assistant"; readonly content: string }[];
  readonly metadata?: Readonly<Record<string, string>>;
  /** Limit on the whole execution. */
  readonly timeoutMs?: number;
}

/** What an execution came to; one that failed is a result too. */
export interface AgentExecutionResult {
  readonly success: boolean;
  readonly agentId: string;
  readonly sessionId: string;
  /** New: where to look the execution up. Empty when it was refused. */
  readonly taskId: string;
  /** The answer's text; "" without one. */
  readonly response: string;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly usage: { readonly promptTokens: number; readonly completionTokens: number };
  readonly executionTimeMs: number;
  readonly error: string | undefined;
  /** New: stable, for programs; undefined on success. */
  readonly errorReason: string | undefined;
}

export class ExecuteAgentServiceAdapter {
  readonly #client: AgentlaneClient;

  constructor(client: AgentlaneClient) {
    this.#client = client;
  }

  async execute(command: AgentExecutionCommand): Promise<AgentExecutionResult> {
    const startedAt = performance.now();
    const { agentId, sessionId = "" } = command;
    const end = (fields: Partial<AgentExecutionResult>): AgentExecutionResult => ({
      ...{ success: true, agentId, sessionId, taskId: "", response: "", messages: [] },
      ...{ usage: { promptTokens: 0, completionTokens: 0 }, error: undefined },
      ...{ errorReason: undefined, executionTimeMs: performance.now() - startedAt },
      ...fields,
    });
    try {
      return end(resultFields(await this.#client.execute(turnOf(command), optionsOf(command))));
    } catch (error) {
      if (!(error instanceof AgentlaneError)) throw error;
      const { taskId = "", message, reason } = error;
      return end({ success: false, taskId, error: message, errorReason: reason });
    }
  }

  /**
   * OpenAI's chunks, as plain objects. After a failed attempt the answer starts anew, with another
   * `id`. A failure is thrown as AgentlaneError.
   */
  async *executeStreaming(command: AgentExecutionCommand): AsyncGenerator<JsonObject, void> {
    for await (const { event } of this.#client.stream(turnOf(command), optionsOf(command))) {
      if (event.kind.case !== "chunk") continue;
      const chunk = toJson(ChatCompletionChunkSchema, event.kind.value);
      if (typeof chunk === "object" && chunk !== null && !Array.isArray(chunk)) yield chunk;
    }
  }

  /** All live ones, page by page. */
  async getAgentInstances(): Promise<Instance[]> {
    const found: Instance[] = [];
    for (let pageToken = ""; ; ) {
      const page = await this.#client.sessions.listInstances({ pageToken });
      found.push(...page.instances);
      pageToken = page.nextPageToken;
      if (pageToken === "") return found;
    }
  }

  /** True when there was something to destroy. */
  destroySessionAgent(agentId: string, sessionId: string): Promise<boolean> {
    return this.#client.destroySession(agentId, sessionId);
  }
}

const ROLES = { user: Role.USER, assistant: Role.ASSISTANT };

function turnOf({ agentId, sessionId, message, messages, metadata }: AgentExecutionCommand): Turn {
  return {
    agentId,
    sessionId,
    text: message,
    messages: messages?.map(({ role, content }) => ({
      role: ROLES[role],
      content: [{ part: { case: "text", value: content } }],
    })),
    metadata,
  };
}

function optionsOf({ timeoutMs }: AgentExecutionCommand): { deadlineMs: number | undefined } {
  return { deadlineMs: timeoutMs };
}

function resultFields({
  taskId,
  text,
  messages,
  usage,
}: TurnResult): Partial<AgentExecutionResult> {
  return {
    taskId,
    response: text,
    messages: messages.map((message) => ({
      role: Role[message.role]?.toLowerCase() ?? "",
      content: textOf(message),
    })),
    usage: {
      promptTokens: usage?.inputTokens ?? 0,
      completionTokens: usage?.outputTokens ?? 0,
    },
  };
}
