/**
 * Operations of one kind that are asked for in one tick go to Redis in one call: it looks once at what
 * they have in common, and a call costs both sides more than an operation.
 */
import { AgentlaneError } from "../../errors.ts";
import type { Argument } from "../../redis/connection.ts";
import { toAgentlaneError } from "../../redis/errors.ts";
import { packTexts } from "../../redis/pack.ts";
import { list, text } from "../../redis/reply.ts";

/** Others wait for Redis meanwhile: an operation is some 50 µs. */
const MAX_COUNT = 16;
/** Arguments of a call; more only when a single operation has more. */
const MAX_BYTES = 256 * 1024;

interface Operation {
  readonly packed: Buffer;
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export type Send = (args: readonly Argument[]) => Promise<unknown>;

/** Answers each operation with its own reply, or fails it with its own error. */
export function createBatch(send: Send): Send {
  let waiting: Operation[] = [];

  function flush(): void {
    const all = waiting;
    waiting = [];
    let batch: Operation[] = [];
    let bytes = 0;
    for (const operation of all) {
      const { length } = operation.packed;
      if (batch.length === MAX_COUNT || (batch.length > 0 && bytes + length > MAX_BYTES)) {
        void call(batch);
        batch = [];
        bytes = 0;
      }
      batch.push(operation);
      bytes += length;
    }
    void call(batch);
  }

  async function call(batch: readonly Operation[]): Promise<void> {
    try {
      const replies = list(await send(batch.map(({ packed }) => packed)));
      for (const [index, operation] of batch.entries()) settle(operation, replies[index]);
    } catch (error) {
      for (const operation of batch) operation.reject(error);
    }
  }

  return (args) =>
    new Promise((resolve, reject) => {
      waiting.push({ packed: packTexts(args), resolve, reject });
      if (waiting.length === 1) process.nextTick(flush);
    });
}

function settle(operation: Operation, reply: unknown): void {
  const [outcome, why] = Array.isArray(reply) ? reply : [];
  if (outcome === undefined) operation.reject(missing());
  else if (text(outcome) === "FAILED") operation.reject(toAgentlaneError(new Error(text(why))));
  else operation.resolve(reply);
}

function missing(): AgentlaneError {
  return new AgentlaneError("internal", "REDIS_REPLY", "Redis left an operation unanswered");
}
