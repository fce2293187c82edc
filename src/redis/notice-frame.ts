/**
 * What a process hears on the bus of Redis: notices that processes publish (src/queue/notice-frame.ts),
 * and log entries that the store's functions publish as they keep them. Those have the highest bit of the
 * topic's length set, and after the topic the sequence of the first (u32) and each with its length (u32).
 * Where entries are large, there are none, and the sequence is that after the last one written.
 */
import type { LogEntry, Notice } from "../../gen/agentlane/store/v1/record_pb.js";
import * as frame from "../queue/notice-frame.ts";
import { entriesNotice, grownNotice } from "../store/messages.ts";
import { readEntry } from "./entries.ts";

const STORED = 0x80_00;
const HEAD_BYTES = 2;
const LENGTH_BYTES = 4;

/** Throws for what is no frame. */
export function topicOf(payload: Buffer): string {
  const head = payload.readUInt16BE(0);
  if (head < STORED) return frame.topicOf(payload);
  return payload.toString("utf8", HEAD_BYTES, frame.endOfTopic(payload, head - STORED));
}

/** Throws for what is no frame, or no notice. */
export function noticeOf(payload: Buffer): Notice {
  const head = payload.readUInt16BE(0);
  if (head < STORED) return frame.noticeOf(payload);
  const [, tenant = "", taskId = ""] = /^task\/(.*)\/([^/]*)$/.exec(topicOf(payload)) ?? [];
  const body = payload.subarray(frame.endOfTopic(payload, head - STORED));
  const entries = entriesOf(body);
  if (entries.length > 0) return entriesNotice({ tenant, taskId }, entries);
  return grownNotice({ tenant, taskId }, body.readUInt32BE(0) - 1);
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
