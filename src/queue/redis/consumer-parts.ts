/** What the queue gives its consumers. */
import type { Clock } from "../../clock.ts";
import type { NewId } from "../../ids.ts";
import type { RedisConnection } from "../../redis/connection.ts";
import type { LuaFunction } from "../../redis/library.ts";

export interface ConsumerParts {
  readonly clock: Clock;
  readonly connection: RedisConnection;
  readonly operation: LuaFunction;
  readonly root: string;
  readonly newId: NewId;
  readonly ageingMs: number;
  /** With which deliveries may be claimed for this consumer; undefined = not at all. */
  readonly leaseMs: number | undefined;
  readonly onUnreadable: (error: unknown) => void;
  readonly onClose: () => void;
  /** Called before mere acks go out: somebody waits for what is published, nobody for an ack. */
  readonly sendFirst: () => void;
}
