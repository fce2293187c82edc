/** Reads the reply of lua/depth.lua. */
import { Priority } from "../../../gen/agentlane/v1/task_pb.js";
import { list, text } from "../../redis/reply.ts";
import type { QueueDepth } from "../contract.ts";

const LEVELS = [Priority.LOW, Priority.NORMAL, Priority.HIGH, Priority.URGENT] as const;

export function depthOf(reply: unknown): QueueDepth {
  const answer = list(reply);
  const counts = LEVELS.map((level, index) => [level, Number(answer[index])] as const);
  const oldest = text(answer[6]);
  return {
    pendingCount: counts.reduce((total, [, count]) => total + count, 0),
    pendingByPriority: new Map(counts.filter(([, count]) => count > 0)),
    unsettledCount: Number(answer[4]),
    deadLetteredCount: Number(answer[5]),
    oldestPublishedAt: oldest === "" ? undefined : Number(oldest),
  };
}
