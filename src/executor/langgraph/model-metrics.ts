/** Model calls in numbers: how long, how soon, how many tokens. */
import type { Usage } from "../../../gen/agentlane/v1/content_pb.js";
import type { Clock } from "../../clock.ts";
import { METRICS } from "../../telemetry/metric-definitions.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import {
  GEN_AI_OPERATION_CHAT as CHAT,
  GEN_AI_TOKEN_INPUT,
  GEN_AI_TOKEN_OUTPUT,
} from "../../telemetry/names.ts";
import type { ModelName } from "./model-name.ts";

export interface ModelMetrics {
  start(name: ModelName): ModelCall;
}

export interface ModelCall {
  /** A piece of the answer; only the first one of a call counts. */
  sawChunk(): void;
  ended(usage: Usage | undefined): void;
  failed(errorType: string): void;
}

export function createModelMetrics(metrics: Metrics, clock: Clock): ModelMetrics {
  const durations = metrics.histogram(METRICS.modelDuration);
  const firstChunks = metrics.histogram(METRICS.timeToFirstChunk);
  const tokens = metrics.histogram(METRICS.tokenUsage);

  return {
    start({ provider, model }) {
      const startedAt = clock.monotonic();
      const seconds = (): number => (clock.monotonic() - startedAt) / 1000;
      let isFirst = true;
      return {
        sawChunk() {
          if (isFirst) firstChunks.record(seconds(), CHAT, provider, model);
          isFirst = false;
        },
        ended(usage) {
          durations.record(seconds(), CHAT, provider, model, "");
          if (!usage) return;
          tokens.record(usage.inputTokens, CHAT, provider, model, GEN_AI_TOKEN_INPUT);
          tokens.record(usage.outputTokens, CHAT, provider, model, GEN_AI_TOKEN_OUTPUT);
        },
        failed(errorType) {
          durations.record(seconds(), CHAT, provider, model, errorType);
        },
      };
    },
  };
}
