/** A message as it came from the broker. */
import { fromBinary } from "@bufbuild/protobuf";
import type { Message } from "amqplib";
import {
  type QueueMessage,
  QueueMessageSchema,
} from "../../../gen/agentlane/store/v1/record_pb.js";

/**
 * Tells when a message was published, in milliseconds: AMQP's own timestamp has seconds, and a header
 * costs its driver more than all the rest.
 */
export function messageIdOf(publishedAtMs: number, count: number): string {
  return `${publishedAtMs}.${count}`;
}

/** Undefined for what another program has published. */
export function publishedAtOf({ properties }: Message): number | undefined {
  const [, instant] = /^(\d{1,15})\.\d+$/.exec(String(properties.messageId)) ?? [];
  return instant === undefined ? undefined : Number(instant);
}

/** Throws for what is no QueueMessage. */
export function messageOf({ content }: Message): QueueMessage {
  return fromBinary(QueueMessageSchema, content);
}
