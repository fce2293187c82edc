/** How our own templates emit without going through LangChain's callbacks (about half the cost). */
import type { Usage } from "../../../gen/agentlane/v1/content_pb.js";
import { property } from "./json.ts";

/** Key in `config.configurable`; requests cannot set keys that start with "__". */
export const SINK_KEY = "__agentlane_sink";

export interface TurnSink {
  readonly streaming: boolean;
  readonly attempt: number;
  /** A piece of the message with this id; resolves when there is room for more. */
  text(messageId: string, piece: string): Promise<void> | undefined;
  /** The message is complete. */
  finish(
    messageId: string,
    finishReason: string,
    usage: Usage | undefined,
  ): Promise<void> | undefined;
}

export function sinkOf(config: unknown): TurnSink | undefined {
  const sink = property(property(config, "configurable"), SINK_KEY);
  return isSink(sink) ? sink : undefined;
}

function isSink(value: unknown): value is TurnSink {
  return typeof property(value, "text") === "function";
}
