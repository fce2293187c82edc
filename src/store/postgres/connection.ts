/**
 * How statements get to PostgreSQL. Nothing is sent twice but what the server has refused for a
 * collision, and a connection that leaves a statement unanswered is destroyed, with all that lie idle:
 * they share its fate as a rule.
 */
import type { Clock, Random } from "../../clock.ts";
import type { AgentlaneError } from "../../errors.ts";
import type { Service } from "../../lifecycle.ts";
import { isCollision, toAgentlaneError, unavailable } from "./errors.ts";
import { createPool } from "./pool.ts";

type Scalar = string | number | boolean | null | Buffer;
export type Argument = Scalar | readonly Scalar[];

export interface Statement {
  /** Under it the server keeps the plan, per connection. */
  readonly name: string;
  readonly text: string;
}

export interface Connection extends Service {
  /** The column "answer" of each row. */
  run(statement: Statement, args: readonly Argument[], limits?: RunLimits): Promise<unknown[]>;
}

export interface RunLimits {
  /** Instead of the connection's: longer for what changes much at once, shorter for what has waited. */
  readonly timeoutMs?: number;
  /** How often it may be sent when it collides with others. Default 5. */
  readonly maxTries?: number;
}

export interface ConnectionOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly poolSize: number;
  /** A statement that is not answered after this has failed, waiting for a connection included. */
  readonly statementTimeoutMs: number;
  /** Counts connections that are lost and built anew, by their name. */
  readonly onConnectionLost?: (connection: string) => void;
}

/** Of the time for a statement, what waiting for a connection may take. */
const WAITING_SHARE = 0.6;
/** … and telling a new one its settings. */
const SETTLING_SHARE = 0.3;
const MAX_TRIES = 5;
/** With less time left nothing is sent: its answer could hardly come in time. */
const MIN_TIME_MS = 20;

export function createConnection(options: ConnectionOptions): Connection {
  const { clock, statementTimeoutMs } = options;
  const pool = createPool({
    ...options,
    size: options.poolSize,
    acquireTimeoutMs: Math.ceil(statementTimeoutMs * WAITING_SHARE),
    settleTimeoutMs: Math.ceil(statementTimeoutMs * SETTLING_SHARE),
    lockTimeoutMs: statementTimeoutMs,
  });

  /** Rejects with the driver's error for a collision, otherwise in the words of the domain. */
  async function send(
    statement: Statement,
    args: readonly Argument[],
    timeoutMs: number,
  ): Promise<unknown[]> {
    const startedAt = clock.monotonic();
    const client = await pool.acquire();
    const leftMs = timeoutMs - (clock.monotonic() - startedAt);
    if (leftMs < MIN_TIME_MS) {
      client.release();
      throw unavailable("all connections to PostgreSQL were in use (POSTGRES_POOL_SIZE)");
    }
    let isLate = false;
    const release = (destroy: boolean): void => {
      timer.clear();
      client.release(destroy);
    };
    const timer = clock.setTimer(leftMs, () => {
      isLate = true;
      release(true);
      pool.renew();
    });
    try {
      const { rows } = await client.query({ ...statement, values: [...args] });
      if (!isLate) release(false);
      return rows.map((row: { answer: unknown }) => row.answer);
    } catch (error) {
      if (isLate) throw late(timeoutMs);
      const failure = toAgentlaneError(error);
      release(failure.kind === "unavailable" && !isCollision(error));
      throw isCollision(error) ? error : failure;
    }
  }

  return {
    start: pool.start,
    stop: pool.stop,
    async run(statement, args, { timeoutMs = statementTimeoutMs, maxTries = MAX_TRIES } = {}) {
      const endAt = clock.monotonic() + timeoutMs;
      for (let tries = 1; ; tries++) {
        try {
          return await send(statement, args, endAt - clock.monotonic());
        } catch (error) {
          const mayRepeat = tries < maxTries && clock.monotonic() < endAt;
          if (!mayRepeat || !isCollision(error)) throw toAgentlaneError(error);
        }
      }
    },
  };
}

function late(timeoutMs: number): AgentlaneError {
  return unavailable(
    `PostgreSQL did not answer within ${Math.ceil(timeoutMs)} ms; whether the command took effect is unknown`,
  );
}
