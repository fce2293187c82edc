/** Priority levels: a queue of the broker each, because quorum queues know none. */
import type { QueueMessage } from "../../../gen/agentlane/store/v1/record_pb.js";
import { Priority } from "../../../gen/agentlane/v1/task_pb.js";

/** Lowest first. */
export const LEVELS = [
  Priority.LOW,
  Priority.NORMAL,
  Priority.HIGH,
  Priority.URGENT,
] as const satisfies Priority[];

export type Level = (typeof LEVELS)[number];

/** As in names of queues and in routing keys. */
export const LEVEL_NAMES: Readonly<Record<Level, string>> = {
  [Priority.LOW]: "low",
  [Priority.NORMAL]: "normal",
  [Priority.HIGH]: "high",
  [Priority.URGENT]: "urgent",
};

/** A broker's payload is not trusted to name a level: what is none counts as NORMAL. */
export function levelOf({ priority }: QueueMessage): Level {
  return LEVELS.find((level) => level === priority) ?? Priority.NORMAL;
}
