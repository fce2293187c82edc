/** Publishes notices of one tick with one command: a command costs a process more than a notice. */
import type { RedisConnection } from "../../redis/connection.ts";
import type { LuaFunction } from "../../redis/library.ts";

/** Of a command; Redis serves nobody else meanwhile. */
const MAX_COUNT = 32;
const MAX_BYTES = 256 * 1024;

export interface NoticesParts {
  readonly connection: RedisConnection;
  readonly operation: LuaFunction;
  readonly root: string;
  /** Some may be lost. */
  readonly onFailure: (error: unknown) => void;
  /** So many are no more on their way. */
  readonly onSent: (count: number) => void;
}

export function createNotices(parts: NoticesParts): (channel: string, payload: Buffer) => void {
  const { connection, operation, root } = parts;
  let waiting: (string | Buffer)[] = [];
  let bytes = 0;

  function send(): void {
    const notices = waiting;
    const count = notices.length / 2;
    waiting = [];
    bytes = 0;
    if (count === 0) return;
    const sending =
      count === 1 ? connection.call("publish", notices) : connection.run(operation, root, notices);
    sending.catch(parts.onFailure).finally(() => parts.onSent(count));
  }

  return (channel, payload) => {
    if (waiting.length === 2 * MAX_COUNT || bytes + payload.length > MAX_BYTES) send();
    if (waiting.length === 0) process.nextTick(send);
    waiting.push(channel, payload);
    bytes += payload.length;
  };
}
