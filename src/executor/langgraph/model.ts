/** Models by initChatModel's string, e.g. "openai:gpt-5-mini"; the provider's package and key are the user's. */
import "./environment.ts";
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { initChatModel } from "langchain";
import type { AgentDefinition } from "../agent-definition.ts";
import { isRecord } from "./json.ts";

export async function loadModel(agent: AgentDefinition): Promise<BaseChatModel> {
  const { baseUrl, configuration, ...options } = agent.modelOptions ?? {};
  const client = {
    ...(isRecord(configuration) ? configuration : {}),
    ...(typeof baseUrl === "string" ? { baseURL: baseUrl } : {}),
  };
  return await initChatModel(agent.model, {
    // A task is retried as a whole, with backoff and a record; the provider's own retries would
    // multiply the attempts and hide them.
    maxRetries: 0,
    ...options,
    ...(typeof baseUrl === "string" ? { baseUrl } : {}),
    ...(Object.keys(client).length > 0 ? { configuration: client } : {}),
  });
}
