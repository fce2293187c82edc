/** A message as it came from the broker. */
import { fromBinary } from "@bufbuild/protobuf";
import type { Message } from "amqplib";
import {
  type QueueMessage,
  QueueMessageSchema,
} from "../../../gen/agentlane/store/v1/record_pb.js";

/** When a message was published, in milliseconds; AMQP's own timestamp has seconds. */
export const PUBLISHED_AT_HEADER = "published-at";

/** Undefined for what another program has published. */
export function publishedAtOf({ properties }: Message): number | undefined {
  const value: unknown = properties.headers?.[PUBLISHED_AT_HEADER];
  return typeof value === "number" ? value : undefined;
}

/** Throws for what is no QueueMessage. */
export function messageOf({ content }: Message): QueueMessage {
  return fromBinary(QueueMessageSchema, content);
}
