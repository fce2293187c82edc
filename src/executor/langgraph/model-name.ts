/** What OpenTelemetry's conventions call a model and its provider, from what LangChain tells of a call. */
import { property } from "./json.ts";

export interface ModelName {
  readonly provider: string;
  /** Empty when unknown. */
  readonly model: string;
}

export function modelNameOf(
  extra: Readonly<Record<string, unknown>> | undefined,
  metadata: Readonly<Record<string, unknown>> | undefined,
): ModelName {
  const requested = property(extra?.invocation_params, "model") ?? metadata?.ls_model_name;
  const provider = String(metadata?.ls_provider ?? "");
  return {
    provider: PROVIDERS[provider] ?? (provider || "unknown"),
    model: typeof requested === "string" ? requested : "",
  };
}

/** LangChain's names of providers, where the convention has others. */
const PROVIDERS: Partial<Record<string, string>> = {
  azure: "azure.ai.openai",
  amazon_bedrock: "aws.bedrock",
  google_genai: "gcp.gemini",
  google_vertexai: "gcp.vertex_ai",
  mistral: "mistral_ai",
  mistralai: "mistral_ai",
  xai: "x_ai",
};

/** The message of an error may quote a prompt, so only its type is told: an HTTP status or a name. */
export function errorTypeOf(error: unknown): string {
  const status = property(error, "status");
  if (typeof status === "number") return String(status);
  return error instanceof Error ? error.name : typeof error;
}
