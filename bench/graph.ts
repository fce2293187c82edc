/** The graphs of the LangGraph rows: one node, a model that answers at once or token by token. */
import { createHash } from "node:crypto";
import type { CallbackManagerForLLMRun } from "@langchain/core/callbacks/manager";
import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessage, AIMessageChunk, type BaseMessage } from "@langchain/core/messages";
import { ChatGenerationChunk, type ChatResult } from "@langchain/core/outputs";
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { TOKENS_A_STREAM } from "./workload.ts";

const ANSWER = "Mild, with some clouds and a light wind from the west. ".repeat(8);

/** One node that answers with a fixed message. */
export const trivial = new StateGraph(MessagesAnnotation)
  .addNode("answer", () => ({ messages: [new AIMessage(ANSWER)] }))
  .addEdge(START, "answer")
  .addEdge("answer", END)
  .compile();

class TokenModel extends BaseChatModel {
  override _llmType(): string {
    return "bench";
  }

  override async _generate(): Promise<ChatResult> {
    const text = "token ".repeat(TOKENS_A_STREAM);
    return { generations: [{ text, message: new AIMessage(text) }] };
  }

  override async *_streamResponseChunks(
    _messages: BaseMessage[],
    _options: this["ParsedCallOptions"],
    runManager?: CallbackManagerForLLMRun,
  ): AsyncGenerator<ChatGenerationChunk> {
    for (let index = 0; index < TOKENS_A_STREAM; index++) {
      const text = "token ";
      const generation = new ChatGenerationChunk({ text, message: new AIMessageChunk(text) });
      yield generation;
      await runManager?.handleLLMNewToken(text, undefined, undefined, undefined, undefined, {
        chunk: generation,
      });
    }
  }
}

const model = new TokenModel({});

/** One node that calls a model which emits without delay. */
export const streaming = new StateGraph(MessagesAnnotation)
  .addNode("model", async ({ messages }) => ({ messages: [await model.invoke(messages)] }))
  .addEdge(START, "model")
  .addEdge("model", END)
  .compile();

/** Some ten milliseconds of a core. */
const HASHES = 8000;

/** One node that computes before it answers. */
export const burning = new StateGraph(MessagesAnnotation)
  .addNode("compute", () => {
    let digest = ANSWER;
    for (let count = 0; count < HASHES; count++) {
      digest = createHash("sha256").update(digest).digest("hex");
    }
    return { messages: [new AIMessage(digest)] };
  })
  .addEdge(START, "compute")
  .addEdge("compute", END)
  .compile();
