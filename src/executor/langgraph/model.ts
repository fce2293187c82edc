/** Models by initChatModel's string, e.g. "openai:gpt-5-mini"; the provider's package and key are the user's. */
import "./environment.ts";
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { initChatModel } from "langchain";
import type { AgentDefinition } from "../agent-definition.ts";
import { isRecord, property } from "./json.ts";

export async function loadModel(agent: AgentDefinition): Promise<BaseChatModel> {
  const { baseUrl, configuration, ...options } = agent.modelOptions ?? {};
  const client = {
    ...(isRecord(configuration) ? configuration : {}),
    ...(typeof baseUrl === "string" ? { baseURL: baseUrl } : {}),
  };
  const model = await initChatModel(agent.model, {
    // A task is retried as a whole, with backoff and a record; the provider's own retries would
    // multiply the attempts and hide them.
    maxRetries: 0,
    ...options,
    ...(typeof baseUrl === "string" ? { baseUrl } : {}),
    ...(Object.keys(client).length > 0 ? { configuration: client } : {}),
    // None: a request's `configurable` could otherwise choose the model, and with the address of its
    // endpoint be sent the server's key.
    configurableFields: [],
  });
  // The wrapper keeps a model for each config it has ever seen, which is one for each session.
  const concrete = await model._getModelInstance();
  if (lacksKey(concrete)) throw new Error("it needs a key: set OPENAI_API_KEY");
  return concrete;
}

/** OpenAI's client is made with the first call; its lack of a key should show before. */
function lacksKey(model: BaseChatModel): boolean {
  return (
    model.getName() === "ChatOpenAI" &&
    property(model, "apiKey") === undefined &&
    property(property(model, "clientConfig"), "apiKey") === undefined
  );
}
