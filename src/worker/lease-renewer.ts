/**
 * What the lease thread does: renews the leases of the event loop's attempts while that loop does not.
 * It stops where the attempt's own time limit is, and soon after a cancel: then nobody knows whether
 * the attempt is stuck, and the lease ends.
 */
import type { Clock, Timer } from "../clock.ts";
import { type Service, service } from "../lifecycle.ts";
import type { LeaseStatus, Store } from "../store/contract.ts";
import type { HeldLease, LeaseTableReader } from "./lease-table.ts";

export interface LeaseTiming {
  readonly leaseMs: number;
  /** Of the event loop. */
  readonly renewIntervalMs: number;
  /** How long a canceled attempt is still renewed (CANCEL_GRACE). */
  readonly cancelGraceMs: number;
}

export interface LeaseRenewerParts extends LeaseTiming {
  readonly store: Pick<Store, "tasks" | "check">;
  readonly table: LeaseTableReader;
  /** Its monotonic time is that of the table. */
  readonly clock: Clock;
  readonly onFailure: (error: unknown) => void;
}

/** Renewals of the event loop that fail or are late, before the thread takes over; in intervals. */
const PATIENCE = 1.5;

export function createLeaseRenewer(parts: LeaseRenewerParts): Service {
  const { clock, store, table, leaseMs } = parts;
  const intervalMs = parts.renewIntervalMs / 2;
  /** Until when the leases that are lost or canceled are renewed. */
  let limits = new Map<string, number>();
  let isOpen = false;
  let timer: Timer | undefined;
  let running: Promise<void> | undefined;

  function plan(): void {
    if (!isOpen) return;
    timer = clock.setTimer(intervalMs, () => {
      running = look()
        .catch(parts.onFailure)
        .finally(() => {
          running = undefined;
          plan();
        });
    });
  }

  async function look(): Promise<void> {
    const held = table.held();
    limits = new Map(held.flatMap((each) => limitOf(each) ?? []));
    const startedAt = clock.monotonic();
    const due = held.filter((each) => isDue(each, startedAt));
    if (due.length === 0) return keepConnected();
    const leases = due.map(({ lease }) => lease);
    const statuses = await store.tasks.renew(leases, leaseMs);
    for (const [index, each] of due.entries()) settle(each, statuses[index], startedAt);
  }

  /** A silent connection may be a dead one, and there is no time to find out once it is needed. */
  function keepConnected(): Promise<void> {
    // That the store is away is told by those who need it.
    return store.check().catch(() => undefined);
  }

  function isDue(held: HeldLease, now: number): boolean {
    const limit = limits.get(keyOf(held)) ?? held.renewUntil;
    const beatAt = table.lastBeatAt();
    const lastAt = Math.max(held.claimedAt, held.renewedAt, beatAt > held.heldAt ? beatAt : 0);
    return now < limit && now - lastAt > PATIENCE * parts.renewIntervalMs;
  }

  function settle(held: HeldLease, status: LeaseStatus | undefined, startedAt: number): void {
    if (!status?.valid) {
      limits.set(keyOf(held), startedAt);
      return;
    }
    table.renewed(held, startedAt);
    const endsAt = startedAt + parts.cancelGraceMs;
    if (status.cancel && !limits.has(keyOf(held))) {
      limits.set(keyOf(held), Math.min(endsAt, held.renewUntil));
    }
  }

  function limitOf(held: HeldLease): [[string, number]] | undefined {
    const limit = limits.get(keyOf(held));
    return limit === undefined ? undefined : [[keyOf(held), limit]];
  }

  return service(
    async () => {
      isOpen = true;
      plan();
    },
    async () => {
      isOpen = false;
      timer?.clear();
      await running;
    },
  );
}

function keyOf({ slot, version }: HeldLease): string {
  return `${slot}/${version}`;
}
