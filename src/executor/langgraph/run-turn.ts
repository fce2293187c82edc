/** One turn, from the graph's input to the turn's outcome; events go through the channel. */
import "./environment.ts";
import { create } from "@bufbuild/protobuf";
import type { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import type { BaseMessage } from "@langchain/core/messages";
import { getConfig } from "@langchain/langgraph";
import type { Usage } from "../../../gen/agentlane/v1/content_pb.js";
import { ProgressSchema } from "../../../gen/agentlane/v1/task_pb.js";
import type { Clock } from "../../clock.ts";
import type { NewId } from "../../ids.ts";
import type { Turn, TurnOutcome } from "../contract.ts";
import { TurnCheckpointSaver } from "./checkpoint.ts";
import type { EventChannel } from "./event-channel.ts";
import type { Graph } from "./graph.ts";
import { property } from "./json.ts";
import { toValue } from "./messages.ts";
import type { ModelMetrics } from "./model-metrics.ts";
import type { AgentRuntime } from "./runtime.ts";
import { SINK_KEY } from "./sink.ts";
import { TurnCallbackManager } from "./turn-callback-manager.ts";
import { TurnCallbacks } from "./turn-callbacks.ts";
import { graphConfig, graphInput, threadIdOf } from "./turn-input.ts";
import { interruptsOf, readConversation, readFinalState } from "./turn-outcome.ts";
import { addUsage, finishReasonOf, usageOf } from "./usage.ts";

export interface TurnParts {
  readonly runtime: AgentRuntime;
  readonly channel: EventChannel;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly metrics: ModelMetrics;
  /** Further callback handlers, e.g. tracing. */
  readonly handlers: readonly BaseCallbackHandler[];
  /** Makes ids of runs. */
  readonly newId: NewId;
}

export async function runTurn(turn: Turn, parts: TurnParts): Promise<TurnOutcome> {
  const { runtime, channel, signal, clock } = parts;
  const knownMessageIds = new Set<string>();
  for (const { id } of turn.context.history) knownMessageIds.add(id);
  for (const { id } of turn.messages) knownMessageIds.add(id);
  const callbacks = new TurnCallbacks({
    agentId: turn.agent.id,
    streaming: turn.streaming,
    signal,
    channel,
    clock,
    knownMessageIds,
    metrics: parts.metrics,
  });
  const saver = runtime.checkpointed ? new TurnCheckpointSaver(threadIdOf(turn)) : undefined;
  const config = graphConfig(turn, {
    signal,
    saver,
    callbacks: managerOf([...(runtime.watched ? [callbacks] : []), ...parts.handlers], parts.newId),
    internal: runtime.watched ? {} : { [SINK_KEY]: callbacks.sink(turn.attempt) },
    writer: (data) => {
      const node = property(property(getConfig(), "metadata"), "langgraph_node");
      const value = create(ProgressSchema, {
        node: typeof node === "string" ? node : "",
        data: toValue(data),
      });
      void channel.push({ case: "progress", value });
    },
  });
  const graph = await runtime.graphFor(config);
  if (
    saver &&
    turn.context.checkpoint.length > 0 &&
    (turn.resume !== undefined || graph.keepsState)
  ) {
    saver.load(turn.context.checkpoint, turn.resume !== undefined);
    // Of an interrupted turn; their events are in its log.
    for (const id of saver.messageIds()) knownMessageIds.add(id);
  }
  const carried = turn.resume === undefined ? undefined : new Set(saver?.messageIds());
  if (graph.takesContext) config.context = { ...turn.configurable };
  const result = await graph.invoke(graphInput(turn, graph), config);
  return await outcomeOf(turn, { graph, config, result, callbacks, saver, clock, carried });
}

function managerOf(handlers: BaseCallbackHandler[], newId: NewId): TurnCallbackManager | undefined {
  if (handlers.length === 0) return undefined;
  return new TurnCallbackManager(newId, undefined, { handlers, inheritableHandlers: handlers });
}

async function outcomeOf(
  turn: Turn,
  run: {
    graph: Graph;
    config: Record<string, unknown>;
    result: unknown;
    callbacks: TurnCallbacks;
    saver: TurnCheckpointSaver | undefined;
    clock: Clock;
    /** Ids of the messages in a resumed state; undefined = the turn is no resume. */
    carried: ReadonlySet<string> | undefined;
  },
): Promise<TurnOutcome> {
  const { graph, callbacks, saver } = run;
  const final = readFinalState(run.result);
  // Nodes may write messages in forms that only the reducer understands; then they show up here.
  for (const message of final.messages) await callbacks.emitMessage(message);
  const { added, history } = readConversation(turn, final.messages, run.clock.now(), run.carried);
  const known = new Set(added.map(({ id }) => id));
  const reported = reportedBy(final.messages.filter(({ id }) => id !== undefined && known.has(id)));
  const paused = final.interrupts !== undefined;
  const asked = final.interrupts ?? [];
  const nextNodes = paused && asked.length === 0 ? await graph.nextNodes(run.config) : [];
  const keep = paused || (graph.keepsState && turn.context.sessionId !== "");
  return {
    messages: added,
    history: graph.takesMessages ? history : undefined,
    state: final.state,
    usage: callbacks.usage ?? reported.usage,
    finishReason: callbacks.finishReason || reported.finishReason,
    interrupts: paused ? interruptsOf(asked, nextNodes) : [],
    checkpoint: keep && saver ? saver.toBytes(paused) : new Uint8Array(),
  };
}

/** Usage and finish reason as the messages tell, for turns that no callback watched. */
function reportedBy(messages: readonly BaseMessage[]): {
  usage: Usage | undefined;
  finishReason: string;
} {
  const answers = messages.filter((message) => message.getType() === "ai");
  const last = answers.at(-1);
  return {
    usage: answers.map(usageOf).reduce(addUsage, undefined),
    finishReason: last ? finishReasonOf(last) : "",
  };
}
