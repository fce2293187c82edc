/**
 * Watches a graph through LangChain's callbacks and emits the turn's events. Callbacks are awaited by
 * the graph (`awaitHandlers`), which is what makes them complete, ordered, and slow a model down to
 * the pace of its reader; LangGraph's own stream modes buffer without bound.
 */
import "./environment.ts";
import { create } from "@bufbuild/protobuf";
import { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import type { Serialized } from "@langchain/core/load/serializable";
import type { BaseMessage } from "@langchain/core/messages";
import type { LLMResult } from "@langchain/core/outputs";
import type { Usage } from "../../../gen/agentlane/v1/content_pb.js";
import {
  NodeUpdateSchema,
  ToolCallFinishedSchema,
  ToolCallStartedSchema,
} from "../../../gen/agentlane/v1/task_pb.js";
import type { Clock } from "../../clock.ts";
import { AnswerIds } from "./answer-ids.ts";
import { type ChunkWriter, createChunkWriter } from "./chunks.ts";
import { canceled, messageOf } from "./errors.ts";
import type { EventChannel } from "./event-channel.ts";
import { isRecord, property } from "./json.ts";
import { fromLangChain, toolText, toValue } from "./messages.ts";
import type { ModelCall, ModelMetrics } from "./model-metrics.ts";
import { errorTypeOf, modelNameOf } from "./model-name.ts";
import { toolMessageOf, writtenBy } from "./node-output.ts";
import type { TurnSink } from "./sink.ts";
import { toolArgumentsOf, toolNameOf } from "./tool-events.ts";
import { addUsage, finishReasonOf, usageOf } from "./usage.ts";

export interface TurnWatch {
  readonly agentId: string;
  readonly streaming: boolean;
  readonly signal: AbortSignal;
  readonly channel: EventChannel;
  readonly clock: Clock;
  /** Ids of messages that are no news: the history and the input. */
  readonly knownMessageIds: ReadonlySet<string>;
  readonly metrics: ModelMetrics;
}

interface RunningTool {
  readonly id: string;
  readonly name: string;
  readonly startedAt: number;
}

export class TurnCallbacks extends BaseCallbackHandler {
  override readonly name = "agentlane_turn";
  readonly lc_prefer_streaming: boolean;
  /** Ids of messages whose event is out. */
  readonly emittedMessageIds = new Set<string>();
  usage: Usage | undefined;
  finishReason = "";
  readonly #watch: TurnWatch;
  readonly #models = new Map<string, { startedAt: number; writer?: ChunkWriter }>();
  /** All of them, also those whose answer is no event. */
  readonly #calls = new Map<string, ModelCall>();
  readonly #answers: AnswerIds;
  readonly #streamedMessageIds = new Set<string>();
  readonly #tools = new Map<string, RunningTool>();
  readonly #nodes = new Map<string, string>();

  constructor(watch: TurnWatch) {
    // raiseError: handleToolStart refuses by throwing.
    super({ raiseError: true, ignoreRetriever: true, ignoreCustomEvent: true });
    this.awaitHandlers = true;
    this.#watch = watch;
    this.#answers = new AnswerIds(watch.knownMessageIds);
    this.lc_prefer_streaming = watch.streaming;
  }

  override handleChatModelStart(
    _llm: Serialized,
    _messages: BaseMessage[][],
    runId: string,
    _parentRunId?: string,
    extra?: Record<string, unknown>,
    tags?: string[],
    metadata?: Record<string, unknown>,
  ): void {
    this.#calls.set(runId, this.#watch.metrics.start(modelNameOf(extra, metadata)));
    if (tags?.includes("nostream") || tags?.includes("langsmith:nostream")) return;
    this.#models.set(runId, { startedAt: this.#watch.clock.now() });
  }

  override handleLLMNewToken(
    token: string,
    _index: unknown,
    runId: string,
    _parentRunId?: string,
    _tags?: string[],
    fields?: { chunk?: unknown },
  ): Promise<void> | undefined {
    this.#calls.get(runId)?.sawChunk();
    const message = property(fields?.chunk, "message");
    // The whole message gets the id of its first piece (LangChain's concat), so that one is used.
    const id = this.#answers.claim(message, runId);
    const model = this.#models.get(runId);
    if (!model || !this.#watch.streaming) return undefined;
    if (!isRecord(message)) return this.#chunk(this.#writer(model, runId).text(token));
    return this.#chunk(this.#writer(model, runId, id).message(message));
  }

  override async handleLLMEnd(output: LLMResult, runId: string): Promise<void> {
    const found = property(output.generations[0]?.[0], "message");
    const message = isRecord(found) ? found : {};
    const id = this.#answers.claim(message, runId);
    const usage = usageOf(message);
    this.usage = addUsage(this.usage, usage);
    this.#takeCall(runId)?.ended(usage);
    const model = this.#models.get(runId);
    this.#models.delete(runId);
    if (!model) return;
    this.finishReason = finishReasonOf(message);
    if (!this.#watch.streaming) return;
    if (!model.writer) {
      await this.#chunk(this.#writer(model, runId, id).message(message));
    }
    await this.#chunk(this.#writer(model, runId).finish(this.finishReason, usage));
  }

  override handleLLMError(error: unknown, runId: string): void {
    this.#takeCall(runId)?.failed(errorTypeOf(error));
    this.#models.delete(runId);
  }

  override handleToolStart(
    tool: Serialized,
    input: string,
    runId: string,
    _parentRunId?: string,
    _tags?: string[],
    _metadata?: Record<string, unknown>,
    runName?: string,
    toolCallId?: string,
  ): Promise<void> | undefined {
    if (this.#watch.signal.aborted) throw canceled(this.#watch.signal);
    const name = toolNameOf(tool, runName);
    const id = toolCallId || runId;
    this.#tools.set(runId, { id, name, startedAt: this.#watch.clock.monotonic() });
    const value = create(ToolCallStartedSchema, {
      call: { id, name, arguments: toolArgumentsOf(input) },
    });
    return this.#watch.channel.push({ case: "toolCallStarted", value });
  }

  override handleToolEnd(output: unknown, runId: string): Promise<void> | undefined {
    const message = toolMessageOf(output);
    return this.#toolFinished(
      runId,
      toolText(message ? message.content : output),
      message?.status === "error",
    );
  }

  override handleToolError(error: unknown, runId: string): Promise<void> | undefined {
    // A tool that interrupts to ask has not ended: it starts again when the turn is resumed.
    if (isRecord(error) && error.is_bubble_up === true) {
      this.#tools.delete(runId);
      return undefined;
    }
    return this.#toolFinished(runId, messageOf(error), true);
  }

  #toolFinished(runId: string, text: string, isError: boolean): Promise<void> | undefined {
    const tool = this.#tools.get(runId);
    this.#tools.delete(runId);
    if (!tool) return undefined;
    const microseconds = Math.round((this.#watch.clock.monotonic() - tool.startedAt) * 1000);
    const value = create(ToolCallFinishedSchema, {
      name: tool.name,
      result: { toolCallId: tool.id, text, isError },
      duration: {
        seconds: BigInt(Math.floor(microseconds / 1e6)),
        nanos: (microseconds % 1e6) * 1000,
      },
    });
    return this.#watch.channel.push({ case: "toolCallFinished", value });
  }

  override handleChainStart(
    _chain: Serialized,
    _inputs: unknown,
    runId: string,
    // The declared names of this and the last two are not what LangChain passes.
    _parentRunId?: string,
    tags?: string[],
    metadata?: Record<string, unknown>,
    _runType?: string,
    runName?: string,
  ): void {
    const node = nodeOf(tags, metadata, runName);
    if (node !== undefined) this.#nodes.set(runId, node);
  }

  override async handleChainEnd(output: unknown, runId: string): Promise<void> {
    const node = this.#nodes.get(runId);
    if (node === undefined) return;
    this.#nodes.delete(runId);
    const written = writtenBy(output, runId);
    for (const message of written.messages) await this.emitMessage(message);
    if (!this.#watch.streaming) return;
    const value = create(NodeUpdateSchema, { node, update: toValue(written.update) });
    await this.#watch.channel.push({ case: "nodeUpdate", value });
  }

  override handleChainError(_error: unknown, runId: string): void {
    this.#nodes.delete(runId);
  }

  /** Emits a complete message unless it is old news; first in chunks if nothing streamed it. */
  async emitMessage(message: BaseMessage): Promise<void> {
    const { id } = message;
    const type = message.getType();
    if (id === undefined || (type !== "ai" && type !== "tool")) return;
    if (this.emittedMessageIds.has(id) || this.#watch.knownMessageIds.has(id)) return;
    this.emittedMessageIds.add(id);
    if (type === "ai" && this.#watch.streaming && !this.#streamedMessageIds.has(id)) {
      const writer = this.#writer({ startedAt: this.#watch.clock.now() }, id, id);
      await this.#chunk(writer.message(message));
      await this.#chunk(writer.finish(finishReasonOf(message), usageOf(message)));
    }
    const value = fromLangChain(message, this.#watch.clock.now());
    await this.#watch.channel.push({ case: "message", value });
  }

  /** The sink of our own templates. */
  sink(attempt: number): TurnSink {
    const writers = new Map<string, ChunkWriter>();
    const writerOf = (id: string): ChunkWriter => {
      const known = writers.get(id);
      if (known) return known;
      const writer = this.#writer({ startedAt: this.#watch.clock.now() }, id, id);
      writers.set(id, writer);
      return writer;
    };
    return {
      streaming: this.#watch.streaming,
      attempt,
      text: (id, piece) => this.#chunk(writerOf(id).text(piece)),
      finish: (id, reason, usage) => this.#chunk(writerOf(id).finish(reason, usage)),
    };
  }

  #takeCall(runId: string): ModelCall | undefined {
    const call = this.#calls.get(runId);
    this.#calls.delete(runId);
    return call;
  }

  #writer(
    model: { startedAt: number; writer?: ChunkWriter },
    runId: string,
    id = `run-${runId}`,
  ): ChunkWriter {
    if (model.writer) return model.writer;
    this.#streamedMessageIds.add(id);
    model.writer = createChunkWriter({
      id,
      model: this.#watch.agentId,
      createdAtMs: model.startedAt,
    });
    return model.writer;
  }

  #chunk(value: ReturnType<ChunkWriter["text"]>): Promise<void> | undefined {
    return value && this.#watch.channel.push({ case: "chunk", value });
  }
}

/** The node that a run is, of the agent's own graph; undefined for all other runs. */
export function nodeOf(
  tags: readonly string[] | undefined,
  metadata: Readonly<Record<string, unknown>> | undefined,
  runName: string | undefined,
): string | undefined {
  const node = metadata?.langgraph_node;
  // A run named like its node is the node itself; the others are steps inside it.
  if (typeof node !== "string" || node !== runName) return undefined;
  if (tags?.includes("langsmith:hidden")) return undefined;
  // Nodes of subgraphs write to their own state; what reaches ours comes through their parent.
  if (String(metadata?.langgraph_checkpoint_ns).includes("|")) return undefined;
  return node;
}
