/** Executors that do nothing, so that what remains is our own cost. */
import { create } from "@bufbuild/protobuf";
import {
  AgentDescriptionSchema,
  FrameworkHealthSchema,
} from "../gen/agentlane/v1/operations_service_pb.js";
import { systemClock } from "../src/clock.ts";
import type { FrameworkExecutor, TurnEvent } from "../src/executor/contract.ts";
import { answerMessage, chunk } from "./workload.ts";

/** Answers at once, or after a wait; a streaming turn yields `chunkCount` chunks first. */
export function syntheticExecutor(chunkCount: number, waitMs = 0): FrameworkExecutor {
  const outcome: TurnEvent = {
    type: "outcome",
    outcome: {
      messages: [answerMessage()],
      history: undefined,
      state: undefined,
      usage: undefined,
      finishReason: "stop",
      interrupts: [],
      checkpoint: new Uint8Array(),
    },
  };
  return {
    framework: "langgraph",
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    validate: () => Promise.resolve([]),
    describe: (agent) => Promise.resolve(create(AgentDescriptionSchema, { agentId: agent.id })),
    readsCheckpoint: () => true,
    health: () => create(FrameworkHealthSchema, { framework: "langgraph" }),
    async *execute(turn) {
      for (let index = 0; turn.streaming && index < chunkCount; index++) {
        yield { type: "event", kind: { case: "chunk", value: chunk() } };
      }
      if (waitMs > 0) await systemClock.sleep(waitMs);
      yield outcome;
    },
  };
}
