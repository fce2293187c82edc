/** What comes from a bus: a broker is no trust boundary. */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { NoticeSchema, QueueMessageSchema } from "../../../gen/agentlane/store/v1/record_pb.js";
import { encodeNotice, noticeOf, topicOf } from "../../../src/queue/notice-frame.ts";
import { framesOf } from "../../../src/queue/redis/frames.ts";
import * as stored from "../../../src/redis/notice-frame.ts";
import { assertSame } from "../expectations.ts";

/** The bus drops what throws; it must throw an Error, soon, and not run out of memory. */
function dropped<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (error instanceof Error && !(error instanceof ReferenceError)) return undefined;
    throw error;
  }
}

export function fuzz(data: Buffer): void {
  dropped(() => stored.topicOf(data));
  dropped(() => stored.noticeOf(data));
  dropped(() => fromBinary(QueueMessageSchema, data));
  framesOf(data, () => undefined);
  const topic = dropped(() => topicOf(data));
  const notice = dropped(() => noticeOf(data));
  if (topic === undefined || notice === undefined) return;
  const again = encodeNotice(topic.toWellFormed(), notice);
  assertSame(
    Buffer.from(toBinary(NoticeSchema, noticeOf(again))).toString("hex"),
    Buffer.from(toBinary(NoticeSchema, notice)).toString("hex"),
    "notice",
  );
}
