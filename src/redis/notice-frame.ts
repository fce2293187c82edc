/**
 * A notice on the wire: its kind (u8), the topic with its length (u16) in front, so that what nobody
 * listens to is dropped undecoded; then
 *   0  a Notice
 *   1  entries as the store keeps them (entries.ts), as its scripts publish them: sequence of the
 *      first (u32), then each with its length (u32)
 */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type LogEntry,
  type Notice,
  NoticeSchema,
} from "../../gen/agentlane/store/v1/record_pb.js";
import { entriesNotice } from "../store/messages.ts";
import { readEntry } from "./entries.ts";

const NOTICE = 0;
const HEAD_BYTES = 3;
const LENGTH_BYTES = 4;
const TAIL_BYTES = 4;
/**
 * Channels that tasks share. Fewer: every process hears more of what others watch. More: more watches
 * begin with a SUBSCRIBE.
 */
const CHANNEL_COUNT = 128;

export function encodeNotice(topic: string, notice: Notice): Buffer {
  const name = Buffer.from(topic);
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  head.writeUInt8(NOTICE);
  head.writeUInt16BE(name.length, 1);
  return Buffer.concat([head, name, toBinary(NoticeSchema, notice)]);
}

/** Throws for what is no frame. */
export function topicOf(payload: Buffer): string {
  return payload.toString("utf8", HEAD_BYTES, bodyAt(payload));
}

/** Throws for what is no frame, or no notice. */
export function noticeOf(payload: Buffer): Notice {
  const body = payload.subarray(bodyAt(payload));
  if (payload.readUInt8(0) === NOTICE) return fromBinary(NoticeSchema, body);
  const [, tenant = "", taskId = ""] = /^task\/(.*)\/([^/]*)$/.exec(topicOf(payload)) ?? [];
  return entriesNotice({ tenant, taskId }, entriesOf(body));
}

function entriesOf(body: Buffer): LogEntry[] {
  const entries: LogEntry[] = [];
  let sequence = body.readUInt32BE(0);
  for (let at = LENGTH_BYTES; at < body.length; sequence++) {
    const from = at + LENGTH_BYTES;
    at = from + body.readUInt32BE(at);
    entries.push(readEntry(body.subarray(from, at), sequence));
  }
  return entries;
}

function bodyAt(payload: Buffer): number {
  return HEAD_BYTES + payload.readUInt16BE(1);
}

/** Which of the channels a task's topic is on: task ids differ in their last characters. */
export function channelNumber(topic: string): number {
  let value = 0;
  for (const byte of Buffer.from(topic).subarray(-TAIL_BYTES)) value = value * 31 + byte;
  return value % CHANNEL_COUNT;
}
