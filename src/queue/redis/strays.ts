/** What arrived for a consumer and nobody has taken yet. */
import { fromBinary } from "@bufbuild/protobuf";
import {
  type QueueMessage,
  QueueMessageSchema,
} from "../../../gen/agentlane/store/v1/record_pb.js";
import { type HandedClaim, readHandedClaim } from "../../redis/handed-claims.ts";
import type { Frame } from "./frames.ts";

export interface Stray {
  readonly frame: Frame;
  readonly message: QueueMessage;
  /** Undefined where the worker has to ask for it. */
  readonly claim: HandedClaim | undefined;
}

/** Throws for what cannot be read. */
export function readStray(frame: Frame): Stray {
  if (frame.isClaimed) return { frame, ...readHandedClaim(frame.payload) };
  return { frame, message: fromBinary(QueueMessageSchema, frame.payload), claim: undefined };
}
