/**
 * Template `echo`: answers with the text of the last user message, word by word. Deterministic, for
 * first steps and tests. Its options may be set per request too, as `configurable`.
 */
import "../environment.ts";
import { AIMessage, type BaseMessage } from "@langchain/core/messages";
import type { LangGraphRunnableConfig } from "@langchain/langgraph";
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { z } from "zod";
import type { Clock } from "../../../clock.ts";
import { AgentlaneError } from "../../../errors.ts";
import type { NewId } from "../../../ids.ts";
import { toolText } from "../messages.ts";
import { sinkOf } from "../sink.ts";
import { usageOf } from "../usage.ts";

const fields = z.object({
  /** Emit this many synthetic tokens ("t0 t1 …") and not the message. */
  tokens: z.number().int().min(0).max(1_000_000).optional(),
  /** Pause before each word, in ms. */
  delayMs: z.number().min(0).max(60_000),
  /** The first so many attempts of a task fail, retryable. */
  failAttempts: z.number().int().min(0).max(100),
});

export const echoOptions = fields.extend({
  delayMs: fields.shape.delayMs.default(0),
  failAttempts: fields.shape.failAttempts.default(0),
});

export function createEchoGraph(
  options: z.infer<typeof echoOptions>,
  parts: { clock: Clock; newId: NewId },
): unknown {
  const { clock } = parts;
  const echo = async (
    state: typeof MessagesAnnotation.State,
    config: LangGraphRunnableConfig,
  ): Promise<{ messages: BaseMessage[] }> => {
    const requested = fields.partial().safeParse(config.configurable ?? {});
    const over = requested.success ? requested.data : {};
    const tokens = over.tokens ?? options.tokens;
    const delayMs = over.delayMs ?? options.delayMs;
    const sink = sinkOf(config);
    if ((sink?.attempt ?? 1) <= (over.failAttempts ?? options.failAttempts)) {
      throw new AgentlaneError("unavailable", "ECHO_FAILURE", "the echo agent was told to fail");
    }
    const id = parts.newId();
    const input = lastUserText(state.messages);
    let content = "";
    let count = 0;
    for (const piece of pieces(input, tokens)) {
      if (delayMs > 0) await clock.sleep(delayMs, config.signal);
      config.signal?.throwIfAborted();
      content += piece;
      count += 1;
      if (sink?.streaming) await sink.text(id, piece);
    }
    const inputCount = input.split(/\s+/).filter(Boolean).length;
    const message = Object.assign(
      new AIMessage({ id, content, response_metadata: { finish_reason: "stop" } }),
      {
        usage_metadata: {
          input_tokens: inputCount,
          output_tokens: count,
          total_tokens: inputCount + count,
        },
      },
    );
    if (sink?.streaming) await sink.finish(id, "stop", usageOf(message));
    return { messages: [message] };
  };
  return new StateGraph(MessagesAnnotation)
    .addNode("echo", echo)
    .addEdge(START, "echo")
    .addEdge("echo", END)
    .compile();
}

function lastUserText(messages: readonly BaseMessage[]): string {
  const last = messages.findLast((message) => message.getType() === "human");
  return last ? toolText(last.content) : "";
}

function* pieces(text: string, tokens: number | undefined): Generator<string> {
  if (tokens === undefined) {
    yield* text.match(/\s*\S+|\s+$/g) ?? [];
    return;
  }
  for (let index = 0; index < tokens; index++) yield index === 0 ? "t0" : ` t${index}`;
}
