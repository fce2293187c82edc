/**
 * The leases that this process holds, in memory that its threads share. The event loop that runs the
 * attempts writes it; the lease thread reads it when it has to renew in its place. There are no
 * messages: they would cost each short attempt two wake-ups of a thread that has nothing to do.
 *
 * A slot's version is odd while it holds a lease. Whoever reads one copies it and then looks whether
 * the version is still the same.
 */
import type { Lease } from "../store/contract.ts";

/** All instants are monotonic milliseconds of the clock that belongs to the event loop. */
export interface HeldLease {
  readonly lease: Lease;
  readonly slot: number;
  readonly version: number;
  readonly claimedAt: number;
  /** Since when it is in the table: a beat before that was not for it. */
  readonly heldAt: number;
  /** Nobody but its holder renews it after this. */
  readonly renewUntil: number;
  /** When the thread's last renewal of it began; -Infinity = never. */
  readonly renewedAt: number;
}

const HEAD_BYTES = 64;
const SLOT_BYTES = 512;
const WORDS_BYTES = 8;
const INSTANTS_BYTES = 40;
const TEXT_AT = WORDS_BYTES + INSTANTS_BYTES;

/** 32-bit words of a slot. */
const VERSION = 0;
const TEXT_LENGTH = 1;

/** 64-bit words of a slot. Instants are whole microseconds. */
const CLAIMED_AT = 0;
const RENEW_UNTIL = 1;
/** The thread writes these two, in this order. */
const RENEWED_AT = 2;
const RENEWED_VERSION = 3;
const HELD_AT = 4;

interface Slot {
  readonly words: Int32Array;
  readonly instants: BigInt64Array;
  readonly text: Buffer;
}

/** What both sides see of the same memory. */
class Table {
  readonly beat: BigInt64Array;
  readonly slots: readonly Slot[];

  constructor(memory: SharedArrayBuffer) {
    this.beat = new BigInt64Array(memory, 0, 1);
    const count = (memory.byteLength - HEAD_BYTES) / SLOT_BYTES;
    this.slots = Array.from({ length: count }, (_, index) => {
      const at = HEAD_BYTES + index * SLOT_BYTES;
      return {
        words: new Int32Array(memory, at, WORDS_BYTES / Int32Array.BYTES_PER_ELEMENT),
        instants: new BigInt64Array(
          memory,
          at + WORDS_BYTES,
          INSTANTS_BYTES / BigInt64Array.BYTES_PER_ELEMENT,
        ),
        text: Buffer.from(memory, at + TEXT_AT, SLOT_BYTES - TEXT_AT),
      };
    });
  }
}

/** The side of the event loop. */
export interface LeaseTable {
  readonly memory: SharedArrayBuffer;
  /** Undefined when all slots are taken, or the lease's names are too long for one. */
  hold(lease: Lease, claimedAt: number, renewUntil: number, heldAt?: number): number | undefined;
  release(slot: number): void;
  /** When the thread's last renewal of the slot's lease began; -Infinity = never. */
  renewedAt(slot: number): number;
  /** A renewal of all leases that are held, which began then, has succeeded. */
  beat(at: number): void;
}

export function createLeaseTable(slotCount: number): LeaseTable {
  const memory = new SharedArrayBuffer(HEAD_BYTES + slotCount * SLOT_BYTES);
  const { slots, beat } = new Table(memory);
  const free = slots.map((_, index) => index);
  return {
    memory,
    hold(lease, claimedAt, renewUntil, heldAt = claimedAt) {
      const text = textOf(lease);
      const index = free.at(-1);
      const slot = index === undefined ? undefined : slots[index];
      if (index === undefined || !slot || Buffer.byteLength(text) > slot.text.length) {
        return undefined;
      }
      free.pop();
      Atomics.store(slot.words, TEXT_LENGTH, slot.text.write(text));
      Atomics.store(slot.instants, CLAIMED_AT, stored(claimedAt));
      Atomics.store(slot.instants, RENEW_UNTIL, stored(renewUntil));
      Atomics.store(slot.instants, HELD_AT, stored(heldAt));
      Atomics.add(slot.words, VERSION, 1);
      return index;
    },
    release(index) {
      const slot = slots[index];
      if (!slot) return;
      Atomics.add(slot.words, VERSION, 1);
      free.push(index);
    },
    renewedAt: (index) => renewedAtOf(slots[index]),
    beat: (at) => void Atomics.store(beat, 0, stored(at)),
  };
}

/** The side of the lease thread. */
export interface LeaseTableReader {
  held(): HeldLease[];
  /** Ignored by the event loop when the slot has got another lease meanwhile. */
  renewed(held: HeldLease, at: number): void;
  lastBeatAt(): number;
}

export function readLeaseTable(memory: SharedArrayBuffer): LeaseTableReader {
  const { slots, beat } = new Table(memory);
  return {
    held: () => slots.flatMap((slot, index) => heldIn(slot, index) ?? []),
    renewed({ slot: index, version }, at) {
      const slot = slots[index];
      if (!slot) return;
      Atomics.store(slot.instants, RENEWED_AT, stored(at));
      Atomics.store(slot.instants, RENEWED_VERSION, BigInt(version));
    },
    lastBeatAt: () => loaded(beat, 0),
  };
}

function heldIn(slot: Slot, index: number): HeldLease | undefined {
  const version = Atomics.load(slot.words, VERSION);
  if (version % 2 === 0) return undefined;
  const lease = leaseIn(slot.text.toString("utf8", 0, Atomics.load(slot.words, TEXT_LENGTH)));
  const held = {
    lease,
    slot: index,
    version,
    claimedAt: loaded(slot.instants, CLAIMED_AT),
    renewUntil: loaded(slot.instants, RENEW_UNTIL),
    heldAt: loaded(slot.instants, HELD_AT),
    renewedAt: renewedAtOf(slot),
  };
  return Atomics.load(slot.words, VERSION) === version ? held : undefined;
}

function renewedAtOf(slot: Slot | undefined): number {
  if (!slot) return Number.NEGATIVE_INFINITY;
  const version = Atomics.load(slot.words, VERSION);
  const isOurs = Atomics.load(slot.instants, RENEWED_VERSION) === BigInt(version);
  return isOurs ? loaded(slot.instants, RENEWED_AT) : Number.NEGATIVE_INFINITY;
}

/** Neither tenants nor task ids contain a line break. */
function textOf({ tenant, taskId, fence, attempt }: Lease): string {
  return `${tenant}\n${taskId}\n${fence}\n${attempt}`;
}

/** May be torn; then it is dropped because of its version. */
function leaseIn(text: string): Lease {
  const [tenant = "", taskId = "", fence = "", attempt = ""] = text.split("\n");
  return { tenant, taskId, fence: wholeIn(fence), attempt: Number(attempt) };
}

function wholeIn(text: string): bigint {
  return /^\d+$/.test(text) ? BigInt(text) : 0n;
}

function stored(ms: number): bigint {
  return BigInt(Math.round(ms * 1000));
}

function loaded(words: BigInt64Array, index: number): number {
  return Number(Atomics.load(words, index)) / 1000;
}
