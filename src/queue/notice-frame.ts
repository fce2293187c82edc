/** A notice on the wire: the topic with its length in front, so that it is read without decoding. */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Notice, NoticeSchema } from "../../gen/agentlane/store/v1/record_pb.js";

const LENGTH_BYTES = 2;
/** Far more than a topic has; what claims to have a longer one is not read any further. */
const MAX_TOPIC_BYTES = 1024;

export function encodeNotice(topic: string, notice: Notice): Buffer {
  const name = Buffer.from(topic);
  const head = Buffer.allocUnsafe(LENGTH_BYTES);
  head.writeUInt16BE(name.length);
  return Buffer.concat([head, name, toBinary(NoticeSchema, notice)]);
}

/** Throws for what is no frame. */
export function topicOf(payload: Buffer): string {
  return payload.toString("utf8", LENGTH_BYTES, noticeAt(payload));
}

/** Throws for what is no frame, or no notice. */
export function noticeOf(payload: Buffer): Notice {
  return fromBinary(NoticeSchema, payload.subarray(noticeAt(payload)));
}

function noticeAt(payload: Buffer): number {
  return endOfTopic(payload, payload.readUInt16BE(0));
}

/** Where a topic of `length` bytes ends, after its length. Throws where it cannot be one. */
export function endOfTopic(payload: Buffer, length: number): number {
  const end = LENGTH_BYTES + length;
  if (length > MAX_TOPIC_BYTES || end > payload.length) {
    throw new Error(`a notice of ${payload.length} bytes has no topic of ${length}`);
  }
  return end;
}
