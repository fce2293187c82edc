/** Publishes what is asked for in one tick with one function call, and waits for its confirm. */
import { toBinary } from "@bufbuild/protobuf";
import {
  type QueueMessage,
  QueueMessageSchema,
} from "../../../gen/agentlane/store/v1/record_pb.js";
import { Priority } from "../../../gen/agentlane/v1/task_pb.js";
import { AgentlaneError } from "../../errors.ts";
import type { RedisConnection } from "../../redis/connection.ts";
import type { LuaFunction } from "../../redis/library.ts";
import { list, text } from "../../redis/reply.ts";

/** A function call holds the server for some microseconds a message. */
const MAX_BATCH = 32;
/** Messages waiting for their confirm; with two seconds' limit on a reply, far above any load. */
const MAX_UNCONFIRMED = 20_000;
/** A hint for whoever met a full queue, not a promise. */
const QUEUE_FULL_RETRY_MS = 1000;
/** The length of a name is one byte in the functions. */
const MAX_NAME_BYTES = 255;

export interface PublisherParts {
  readonly connection: RedisConnection;
  readonly operation: LuaFunction;
  readonly root: string;
  /** Unique among all publishers. */
  readonly publisherId: string;
  readonly maxLength: number;
  readonly ageingMs: number;
}

export interface Publisher {
  publish(messages: readonly QueueMessage[]): Promise<void>;
  /** Sends what waits, so that it comes before whatever is sent next. */
  flush(): void;
}

interface Group {
  readonly messages: readonly QueueMessage[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export function createPublisher(parts: PublisherParts): Publisher {
  let groups: Group[] = [];
  let unconfirmedCount = 0;
  let operationCount = 0;
  let messageCount = 0;

  function flush(): void {
    const waiting = groups;
    groups = [];
    if (waiting.length === 0) return;
    let batch: Group[] = [];
    let size = 0;
    for (const group of waiting) {
      if (batch.length > 0 && size + group.messages.length > MAX_BATCH) {
        void send(batch);
        batch = [];
        size = 0;
      }
      batch.push(group);
      size += group.messages.length;
    }
    void send(batch);
  }

  async function send(batch: readonly Group[]): Promise<void> {
    try {
      const { connection, operation, root } = parts;
      const answers = list(await connection.run(operation, root, argumentsOf(batch)));
      for (const [index, group] of batch.entries()) {
        const full = text(answers[index]);
        if (full === "") group.resolve();
        else group.reject(queueFull(full, parts.maxLength));
      }
    } catch (error) {
      for (const group of batch) group.reject(error);
    }
  }

  /** Inside a level the order stays as it came: the sort is stable. */
  function argumentsOf(batch: readonly Group[]): (string | number | Buffer)[] {
    const messages = batch
      .flatMap((group, index) => {
        return group.messages.map((message) => ({ message, level: levelOf(message), index }));
      })
      .sort((one, other) => other.level - one.level);
    const operation = `${parts.publisherId}:${++operationCount}`;
    return [
      ...[operation, parts.maxLength, parts.ageingMs, batch.length],
      ...messages.flatMap(({ message, level, index }) => [
        ...[index + 1, message.queue, level, preferredOf(message)],
        `${parts.publisherId}.${(++messageCount).toString(36)}`,
        Buffer.from(toBinary(QueueMessageSchema, message)),
      ]),
    ];
  }

  return {
    flush,
    async publish(messages) {
      if (messages.length === 0) return;
      if (unconfirmedCount + messages.length > MAX_UNCONFIRMED) throw tooManyUnconfirmed();
      unconfirmedCount += messages.length;
      try {
        await new Promise<void>((resolve, reject) => {
          groups.push({ messages, resolve, reject });
          if (groups.length === 1) process.nextTick(flush);
        });
      } finally {
        unconfirmedCount -= messages.length;
      }
    },
  };
}

/** Whoever wrote a record may have written any number: what is no level counts as NORMAL. */
export function levelOf({ priority }: QueueMessage): Priority {
  return priority >= Priority.LOW && priority <= Priority.URGENT ? priority : Priority.NORMAL;
}

function preferredOf({ preferredWorkerId }: QueueMessage): string {
  return Buffer.byteLength(preferredWorkerId) > MAX_NAME_BYTES ? "" : preferredWorkerId;
}

function queueFull(name: string, maxLength: number): AgentlaneError {
  return new AgentlaneError(
    "resource_exhausted",
    "QUEUE_FULL",
    `queue ${name} holds its maximum of ${maxLength} messages`,
    { retryAfterMs: QUEUE_FULL_RETRY_MS },
  );
}

function tooManyUnconfirmed(): AgentlaneError {
  return new AgentlaneError(
    "unavailable",
    "REDIS_BEHIND",
    `${MAX_UNCONFIRMED} messages wait for Redis to confirm them`,
    { retryAfterMs: QUEUE_FULL_RETRY_MS },
  );
}
