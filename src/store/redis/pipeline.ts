/** Commands of one turn of the loop go out in one write: a write costs more than a command. */
import { Command, type Redis } from "ioredis";
import type { Clock, Timer } from "../../clock.ts";
import { unavailable } from "./errors.ts";

export type Argument = string | number | Buffer;

export interface Pipeline {
  /** To a client that is ready. Rejects as the driver does, and when the answer is late. */
  write(client: Redis, name: string, args: Argument[]): Promise<unknown>;
}

/** Commands of one write; more would keep Redis idle while they are put together. */
const MAX_BATCH_COUNT = 16;

/** The commands of one write. */
interface Batch {
  unansweredCount: number;
  readonly timer: Timer;
  /** One for each command; harmless once it is settled. */
  readonly rejects: ((error: unknown) => void)[];
  /** Idempotent. */
  send(): void;
}

/**
 * A batch that is not answered after `timeoutMs` fails. When nothing at all was answered meanwhile,
 * the connection is destroyed too: it is dead, where an overloaded Redis is only late.
 */
export function createPipeline(clock: Clock, timeoutMs: number): Pipeline {
  let filling: Batch | undefined;
  let answeredCount = 0;

  function open({ stream }: Redis): Batch {
    const answeredBefore = answeredCount;
    stream.cork();
    const batch: Batch = {
      unansweredCount: 0,
      rejects: [],
      timer: clock.setTimer(timeoutMs, () => {
        const late = unavailable(
          `Redis did not answer within ${timeoutMs} ms; whether the command took effect is unknown`,
        );
        for (const reject of batch.rejects) reject(late);
        if (answeredCount === answeredBefore) stream.destroy();
      }),
      send() {
        if (filling !== batch) return;
        filling = undefined;
        stream.uncork();
      },
    };
    setImmediate(batch.send);
    return batch;
  }

  return {
    write(client, name, args) {
      filling ??= open(client);
      const batch = filling;
      const command = new Command(name, args, { replyEncoding: null });
      client.sendCommand(command);
      batch.unansweredCount++;
      const answered = (): void => {
        if (--batch.unansweredCount === 0) batch.timer.clear();
      };
      return new Promise((resolve, reject) => {
        batch.rejects.push(reject);
        command.promise.then(
          (reply: unknown) => {
            answeredCount++;
            answered();
            resolve(reply);
          },
          (error: unknown) => {
            if (error instanceof Error && error.name === "ReplyError") answeredCount++;
            answered();
            reject(error);
          },
        );
        if (batch.rejects.length === MAX_BATCH_COUNT) batch.send();
      });
    },
  };
}
