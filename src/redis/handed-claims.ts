/**
 * Claims that came together with a delivery (src/store/redis/lua/lib/hand-over.lua). The queue hears of
 * them; the store answers with them when it is asked to claim, without asking Redis.
 */
import type { QueueMessage } from "../../gen/agentlane/store/v1/record_pb.js";
import type { Clock } from "../clock.ts";
import { AgentlaneError } from "../errors.ts";
import { timestamp } from "../timestamp.ts";
import { type Packed, unpack } from "./msgpack.ts";
import { readHeaders } from "./trace-headers.ts";

export interface HandedClaim {
  /** As the store names it. */
  readonly task: string;
  /** Server time. */
  readonly claimedAtMs: number;
  readonly leaseEndsAtMs: number;
  /** As the claim function answers them (src/store/redis/lua/claim.lua), p to etag. */
  readonly fields: readonly Packed[];
}

const FIELDS_AT = 7;
const FIELD_COUNT = 7;

/** Throws for what is none. */
export function readHandedClaim(payload: Buffer): { message: QueueMessage; claim: HandedClaim } {
  const parts = unpack(payload);
  if (!Array.isArray(parts) || parts.length !== FIELDS_AT + FIELD_COUNT) throw unreadable();
  const [task, tenant, taskId, queue, priority, now, endsAt, ...fields] = parts;
  const claimedAtMs = numberOf(now);
  const headers = fields[4];
  return {
    message: {
      $typeName: "agentlane.store.v1.QueueMessage",
      tenant: textOf(tenant),
      taskId: textOf(taskId),
      queue: textOf(queue),
      priority: numberOf(priority),
      traceHeaders: Buffer.isBuffer(headers) ? readHeaders(headers) : {},
      preferredWorkerId: "",
      publishedAt: timestamp(claimedAtMs),
    },
    claim: {
      task: textOf(task),
      claimedAtMs,
      leaseEndsAtMs: numberOf(endsAt),
      fields,
    },
  };
}

/** Where what a worker can take is reckoned. */
export interface SlotKeeper {
  /** An attempt ends: the id of the consumer that can take one more then, or '' where nobody is to be told. */
  promiseSlot(): string;
  /** The end has not been written. */
  breakPromise(consumer: string): void;
}

export class HandedClaims {
  readonly #clock: Clock;
  /** By task. Each belongs to an unsettled delivery, so they are as many at most. */
  readonly #claims = new Map<string, HandedClaim>();
  #keeper: SlotKeeper | undefined;
  #returns: ((claim: HandedClaim) => Promise<void>) | undefined;
  /** The server's time minus ours, if its answer had come without delay: it is that at most. */
  #aheadMs: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  keptBy(keeper: SlotKeeper): void {
    this.#keeper = keeper;
  }

  /** Of a keeper that takes nothing any more. */
  leftBy(keeper: SlotKeeper): void {
    if (this.#keeper === keeper) this.#keeper = undefined;
  }

  promiseSlot(): string {
    return this.#keeper?.promiseSlot() ?? "";
  }

  breakPromise(consumer: string): void {
    if (consumer !== "") this.#keeper?.breakPromise(consumer);
  }

  /** The store that can take claims back: their tasks become ready again, no attempt consumed. */
  returnTo(giveBack: (claim: HandedClaim) => Promise<void>): void {
    this.#returns = giveBack;
  }

  /** Best effort: one that cannot be given back ends with its lease. */
  async giveBack(claim: HandedClaim): Promise<void> {
    await this.#returns?.(claim).catch(() => undefined);
  }

  put(claim: HandedClaim): void {
    this.#claims.set(claim.task, claim);
  }

  take(task: string): HandedClaim | undefined {
    const claim = this.#claims.get(task);
    if (claim) this.#claims.delete(task);
    return claim;
  }

  /** Nobody has asked for it. */
  drop(claim: HandedClaim): void {
    if (this.#claims.get(claim.task) === claim) this.#claims.delete(claim.task);
  }

  /** What the server's clock showed when it answered a command that was sent at `sentAtMs`, monotonic. */
  sawTime(sentAtMs: number, serverNowMs: number): void {
    this.#aheadMs = serverNowMs - sentAtMs;
  }

  /** What is left of the lease now at least; 0 as long as the server's time is not known. */
  leftMs(claim: HandedClaim): number {
    if (this.#aheadMs === undefined) return 0;
    return Math.max(0, claim.leaseEndsAtMs - (this.#clock.monotonic() + this.#aheadMs));
  }
}

function textOf(value: Packed | undefined): string {
  if (Buffer.isBuffer(value)) return value.toString();
  throw unreadable();
}

function numberOf(value: Packed | undefined): number {
  if (typeof value === "number") return value;
  throw unreadable();
}

function unreadable(): AgentlaneError {
  return new AgentlaneError("internal", "REDIS_REPLY", "a handed claim cannot be read");
}
