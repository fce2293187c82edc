/**
 * A consumer of the Redis queue. It tells Redis how many deliveries it can take (its credit) and
 * Redis pushes them; what it settles goes out once per turn of the loop, together with new credit.
 * A heartbeat keeps it alive there and finds out what was lost on the way. Pushes and replies have
 * connections of their own, so a push may come after a reply that tells of it.
 */
import type { Timer } from "../../clock.ts";
import { type Link, LinkedList } from "../../linked-list.ts";
import type { SlotKeeper } from "../../redis/handed-claims.ts";
import { list, number, text } from "../../redis/reply.ts";
import type { ConsumeOptions, Consumer, Delivery } from "../contract.ts";
import { ClaimedDeliveries } from "./claimed-deliveries.ts";
import type { ConsumerParts } from "./consumer-parts.ts";
import { Credit } from "./credit.ts";
import { type Frame, framesOf } from "./frames.ts";
import { listsOf, type Settlement, Settlements } from "./settlements.ts";
import { readStray, type Stray } from "./strays.ts";

const HEARTBEAT_MS = 2000;
/** Five missed heartbeats: its deliveries go to others. */
const TIME_TO_LIVE_MS = 10_000;
/** Mere acks and new credit wait this long for others, as long as Redis can give half of the prefetch without. */
const LAZY_MS = 5;

/** What is missing now and still after so long was lost. */
const LOST_AFTER_MS = 250;

type Mode = "open" | "go" | "beat" | "close";
type Call = (delivery: Delivery | undefined) => void;

export class RedisConsumer implements Consumer, SlotKeeper {
  readonly #parts: ConsumerParts;
  readonly #options: ConsumeOptions;
  readonly #queues: string;
  readonly #calls = new LinkedList<Call>();
  /** Ids in the hands of a caller. */
  readonly #unsettled = new Set<string>();
  /** Deliveries that came when no call waited any more. */
  #strays: Stray[] = [];
  readonly #settlements = new Settlements();
  #id: string;
  #isOpen = false;
  #closing: Promise<void> | undefined;
  #credit: Credit;
  /** Ids that Redis holds for this consumer and that had not come, at the last heartbeat. */
  #missing = new Set<string>();
  /** Ids to be asked for again. */
  #lost: string[] = [];
  /** Ids that were asked for again: a push that comes late after all is not theirs any more. */
  readonly #askedAgain = new Set<string>();
  #recheck: Timer | undefined;
  #wantsBeat = false;
  /** What was pushed on a connection that is lost cannot be reckoned: a new consumer takes its place. */
  #mustBeginAgain = false;
  readonly #claimed: ClaimedDeliveries;
  #isFlushing = false;
  #lazyFlush: Timer | undefined;
  #heartbeat: Timer | undefined;
  #due: Timer | undefined;
  #polledAtMs: number;

  constructor(options: ConsumeOptions, parts: ConsumerParts) {
    this.#options = options;
    this.#parts = parts;
    this.#queues = JSON.stringify([...new Set(options.queues)]);
    this.#id = parts.newId();
    this.#credit = new Credit(options.prefetch);
    this.#claimed = new ClaimedDeliveries(parts.connection.handedClaims);
    this.#polledAtMs = parts.clock.now();
  }

  /** Makes it known to Redis; the messages it is given arrive from now on. */
  async open(): Promise<void> {
    await this.#parts.connection.subscribe(this.#channel, this.#listener(this.#id));
    await this.#exchange("open");
    this.#isOpen = true;
    if (this.#parts.leaseMs !== undefined) this.#parts.connection.handedClaims.keptBy(this);
    this.#planHeartbeat();
    this.#planFlush();
  }

  receive(signal: AbortSignal): Promise<Delivery | undefined> {
    if (this.#closing || signal.aborted) return Promise.resolve(undefined);
    this.#credit.called();
    return new Promise((resolve) => {
      const call: Link<Call> = this.#calls.append((delivery) => {
        signal.removeEventListener("abort", abort);
        resolve(delivery);
      });
      const abort = (): void => {
        this.#calls.remove(call);
        this.#credit.ends();
        call.value(undefined);
        this.#planFlush();
      };
      signal.addEventListener("abort", abort, { once: true });
      this.#serveStrays();
      this.#planFlush();
    });
  }

  promiseSlot(): string {
    const isOpen = this.#isOpen && !this.#closing && !this.#mustBeginAgain;
    return isOpen && this.#credit.promise(this.#calls.size) ? this.#id : "";
  }

  breakPromise(consumer: string): void {
    if (consumer !== this.#id) return;
    this.#credit.breakPromise();
    this.#planFlush();
  }

  lastPolledAt(): number {
    return this.#polledAtMs;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** The connection is a new one: what was sent on the old one may be lost, both ways. */
  reconnected(): void {
    this.#askedAgain.clear();
    this.#wantsBeat = true;
    this.#mustBeginAgain = this.#parts.leaseMs !== undefined;
    this.#planFlush();
  }

  /** Sends what waits, so that whatever is sent next comes after it. */
  flush(): void {
    if (!this.#isOpen || this.#closing || !this.#hasNews()) return;
    if (this.#mustBeginAgain) {
      this.#replace().catch(() => {
        this.#mustBeginAgain = true;
      });
      return;
    }
    const mode = this.#wantsBeat ? "beat" : "go";
    this.#wantsBeat = false;
    // What fails is repeated by the next heartbeat, or after the reconnect.
    this.#exchange(mode).catch(() => {
      this.#wantsBeat = true;
    });
  }

  get #channel(): string {
    return `${this.#parts.root}to:${this.#id}`;
  }

  #listener(id: string): (payload: Buffer) => void {
    return (payload) => {
      if (this.#closing) this.#refuse(payload);
      else if (id === this.#id) this.#accept(payload, true);
    };
  }

  async #close(): Promise<void> {
    this.#parts.connection.handedClaims.leftBy(this);
    this.#heartbeat?.clear();
    this.#due?.clear();
    this.#lazyFlush?.clear();
    this.#recheck?.clear();
    for (let call = this.#calls.shift(); call; call = this.#calls.shift()) call(undefined);
    this.#returnStrays(0);
    this.#unsettled.clear();
    // Unreachable, it is reclaimed by others once its time to live is over.
    await this.#exchange("close").catch(() => undefined);
    // What was pushed before is refused as it comes.
    await this.#parts.connection.unsubscribe(this.#channel);
    await this.#claimed.settled();
    this.#parts.onClose();
  }

  #planHeartbeat(): void {
    this.#heartbeat = this.#parts.clock.setTimer(HEARTBEAT_MS, () => {
      this.#wantsBeat = true;
      this.flush();
      this.#planHeartbeat();
    });
  }

  #planFlush(): void {
    if (this.#isFlushing || !this.#isOpen) return;
    if (!this.#isUrgent()) {
      // Credit that nobody needs soon is told by the next heartbeat, or when it becomes urgent.
      if (this.#settlements.isEmpty) return;
      this.#lazyFlush ??= this.#parts.clock.setTimer(LAZY_MS, () => this.#flushNow());
      return;
    }
    this.#isFlushing = true;
    process.nextTick(() => {
      this.#isFlushing = false;
      this.#returnStrays(this.#credit.awaitedCount);
      this.#flushNow();
    });
  }

  #flushNow(): void {
    this.#lazyFlush?.clear();
    this.#lazyFlush = undefined;
    if (this.#currentCredit() === this.#credit.sent) this.#parts.sendFirst();
    this.flush();
  }

  /** Whether somebody may wait for what Redis is told. */
  #isUrgent(): boolean {
    if (this.#wantsBeat || this.#lost.length > 0) return true;
    if (this.#strays.length > this.#credit.awaitedCount) return true;
    if (!this.#settlements.hasOnlyAcks) return true;
    const credit = this.#currentCredit();
    const { sent, hasSpare } = this.#credit;
    return credit < sent || (credit > sent && !hasSpare);
  }

  #hasNews(): boolean {
    return (
      this.#parts.connection.isReady &&
      (this.#wantsBeat ||
        !this.#settlements.isEmpty ||
        this.#lost.length > 0 ||
        this.#currentCredit() !== this.#credit.sent)
    );
  }

  /** All that this consumer can have been given until a call is served or a delivery settled. */
  #currentCredit(): number {
    return this.#credit.now(this.#calls.size, this.#unsettled.size, this.#strays.length);
  }

  async #exchange(mode: Mode): Promise<void> {
    const { clock, connection, operation, root, ageingMs, leaseMs } = this.#parts;
    const id = this.#id;
    const batch = this.#settlements.send();
    const lost = this.#lost.splice(0);
    for (const id of lost) this.#askedAgain.add(id);
    const credit = this.#credit.tell(this.#currentCredit());
    const head = [mode, id, this.#options.workerId, this.#queues, credit];
    const sentAtMs = clock.monotonic();
    let reply: readonly unknown[];
    try {
      const rest = [...listsOf(batch), lost.length, ...lost];
      const limits = [ageingMs, TIME_TO_LIVE_MS, leaseMs ?? ""];
      reply = list(await connection.run(operation, root, [...head, ...limits, ...rest]));
    } catch (error) {
      if (id === this.#id) this.#settlements.fail(batch);
      for (const each of lost) this.#askedAgain.delete(each);
      throw error;
    }
    if (id !== this.#id) return;
    this.#settlements.confirm(batch);
    this.#polledAtMs = clock.now();
    connection.handedClaims.sawTime(sentAtMs, number(reply[4]));
    if (mode === "close" || this.#closing) return;
    if (text(reply[0]) === "gone") await this.#beginAgain();
    else this.#hear(mode, reply);
  }

  #hear(mode: Mode, [, frames, dueInMs, held]: readonly unknown[]): void {
    if (Buffer.isBuffer(frames) && frames.length > 0) this.#accept(frames, false);
    this.#planDue(Number(dueInMs));
    if (mode !== "beat") return;
    const settled = this.#settlements.ids();
    const inHand = new Set(this.#strays.map(({ frame }) => frame.id));
    const missing = list(held)
      .map(text)
      .filter((id) => !this.#unsettled.has(id) && !settled.has(id) && !inHand.has(id));
    this.#lost = missing.filter((id) => this.#missing.has(id) && !this.#askedAgain.has(id));
    this.#missing = new Set(missing);
    if (this.#lost.length > 0) this.#planFlush();
    else if (missing.length > 0) this.#planRecheck();
  }

  #planRecheck(): void {
    this.#recheck?.clear();
    this.#recheck = this.#parts.clock.setTimer(LOST_AFTER_MS, () => {
      this.#wantsBeat = true;
      this.flush();
    });
  }

  /** Others get what is in hand here, but for what is claimed. */
  async #replace(): Promise<void> {
    this.#mustBeginAgain = false;
    this.#isOpen = false;
    try {
      await this.#exchange("close");
    } catch (error) {
      this.#isOpen = true;
      throw error;
    }
    await this.#beginAgain();
  }

  /** Others have taken over what was in hand here: settling it would be settling theirs. */
  async #beginAgain(): Promise<void> {
    void this.#parts.connection.unsubscribe(this.#channel);
    this.#returnStrays(0);
    this.#id = this.#parts.newId();
    this.#unsettled.clear();
    this.#strays = [];
    this.#settlements.clear();
    this.#missing.clear();
    this.#lost = [];
    this.#askedAgain.clear();
    this.#credit = this.#credit.anew();
    this.#isOpen = false;
    try {
      await this.#parts.connection.subscribe(this.#channel, this.#listener(this.#id));
      await this.#exchange("open");
    } finally {
      this.#isOpen = true;
      this.#planFlush();
    }
  }

  #planDue(dueInMs: number): void {
    this.#due?.clear();
    if (dueInMs < 0 || dueInMs > HEARTBEAT_MS) return;
    this.#due = this.#parts.clock.setTimer(dueInMs + 1, () => {
      this.#wantsBeat = true;
      this.flush();
    });
  }

  #accept(bytes: Buffer, isPush: boolean): void {
    this.#polledAtMs = this.#parts.clock.now();
    for (const frame of framesOf(bytes, this.#parts.onUnreadable)) {
      if (isPush && this.#askedAgain.has(frame.id)) continue;
      this.#credit.received();
      const stray = this.#read(frame);
      if (stray) this.#strays.push(stray);
    }
    this.#serveStrays();
    this.#planFlush();
  }

  #read(frame: Frame): Stray | undefined {
    try {
      return readStray(frame);
    } catch (error) {
      if (!frame.isClaimed) this.#settlements.add({ kind: "unreadable", id: frame.id });
      this.#parts.onUnreadable(error);
      return undefined;
    }
  }

  /** What comes after the last exchange: Redis takes back by itself what it holds for this consumer. */
  #refuse(bytes: Buffer): void {
    for (const frame of framesOf(bytes, this.#parts.onUnreadable)) {
      const claim = frame.isClaimed ? this.#read(frame)?.claim : undefined;
      if (claim) this.#claimed.giveBack(claim);
    }
  }

  #serveStrays(): void {
    while (this.#strays.length > 0 && this.#unsettled.size < this.#options.prefetch) {
      const call = this.#calls.shift();
      const stray = call && this.#strays.shift();
      if (!stray) return;
      this.#unsettled.add(stray.frame.id);
      call(this.#deliveryOf(stray));
    }
  }

  /** The last one taken goes back first, so that the heads keep their order. */
  #returnStrays(keptCount: number): void {
    for (const { frame, claim } of this.#strays.splice(keptCount).reverse()) {
      const { id, redelivered } = frame;
      if (claim) this.#claimed.giveBack(claim);
      else this.#settlements.add({ kind: "nack", id, delayMs: 0, redelivered });
    }
  }

  #deliveryOf({ frame, message, claim }: Stray): Delivery {
    const { id, redelivered } = frame;
    if (claim) {
      return this.#claimed.delivery(message, claim, () => {
        const isFirst = this.#unsettled.delete(id);
        if (isFirst) this.#planFlush();
        return isFirst;
      });
    }
    const settle = async (settlement: Settlement): Promise<void> => {
      if (!this.#unsettled.delete(id)) return;
      this.#askedAgain.delete(id);
      this.#settlements.add(settlement);
      this.#planFlush();
    };
    return {
      message,
      redelivered,
      ack: () => settle({ kind: "ack", id }),
      nack: ({ delayMs = 0 } = {}) => settle({ kind: "nack", id, delayMs, redelivered: true }),
    };
  }
}
