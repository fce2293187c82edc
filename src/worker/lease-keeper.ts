/**
 * Renews the leases of all running attempts in one call per interval. A lease that was lost, or that
 * could not be renewed before it ended, ends its attempt now: another worker may have it.
 */
import type { CancelMode } from "../../gen/agentlane/store/v1/record_pb.js";
import type { Clock, Timer } from "../clock.ts";
import { type Service, service } from "../lifecycle.ts";
import type { Lease, LeaseStatus, TaskStore } from "../store/contract.ts";

export interface LeaseHolder {
  readonly lease: Lease;
  /** The attempt's own time limit: while its event loop is blocked it is not renewed for longer. */
  readonly limitMs: number;
  lost(): void;
  cancel(mode: CancelMode, reason: string): void;
}

export interface LeaseKeeper extends Service {
  /**
   * `claimedAt`: monotonic time before the claim was asked for. The lease counts from then, unless less
   * of it was left; then it is renewed soon.
   */
  hold(holder: LeaseHolder, claimedAt: number, leaseLeftMs?: number): void;
  /** The attempt has ended; its lease is not renewed any more. */
  release(holder: LeaseHolder): void;
  heldCount(): number;
}

/** Renews in the keeper's place while the event loop that both belong to is blocked. */
export interface LeaseBackup extends Service {
  /** Undefined when it has no room. */
  hold(lease: Lease, claimedAt: number, renewUntil: number): BackedLease | undefined;
  /** The keeper has renewed all its leases, beginning then. */
  renewed(at: number): void;
}

export interface BackedLease {
  /** As far as the backup's renewals tell; -Infinity when there was none. */
  validUntil(): number;
  release(): void;
}

export interface LeaseKeeperParts {
  readonly tasks: TaskStore;
  readonly clock: Clock;
  readonly leaseMs: number;
  /** Well below leaseMs, so that two renewals may fail. */
  readonly renewIntervalMs: number;
  /** Undefined where no other process can end a lease meanwhile. */
  readonly backup: LeaseBackup | undefined;
  readonly onFailure: (error: unknown) => void;
}

interface Held {
  /** The lease is certainly valid until then, counted from before the call that extended it. */
  validUntil: number;
  readonly backed: BackedLease | undefined;
}

/** Attempts that end within it, as many do, are not renewed at all. */
const SOON_MS = 100;
/** What ends early is tried again after this. */
const SOON_AGAIN_MS = 500;

export function createLeaseKeeper(parts: LeaseKeeperParts): LeaseKeeper {
  const { clock } = parts;
  const holders = new Map<LeaseHolder, Held>();
  let timer: Timer | undefined;
  const soon = createAlarm(clock, () => {
    if (renewing) soon.set(SOON_AGAIN_MS);
    else start(renewEarly());
  });
  let stopped = true;
  let renewing: Promise<void> | undefined;

  function schedule(): void {
    if (stopped) return;
    timer = clock.setTimer(parts.renewIntervalMs, () => {
      // A renewal that hangs must not hide that leases end.
      if (renewing) giveUpExpired();
      else start(renewAll());
      schedule();
    });
  }

  function start(renewal: Promise<unknown>): void {
    renewing = renewal.then(() => {
      renewing = undefined;
    });
  }

  async function renewEarly(): Promise<void> {
    const batch = earlyOf(parts, holders);
    if (batch.length > 0 && !(await renew(batch))) soon.set(SOON_AGAIN_MS);
    giveUpExpired();
  }

  async function renewAll(): Promise<void> {
    const startedAt = clock.monotonic();
    if (holders.size === 0) return;
    if (await renew([...holders.keys()])) parts.backup?.renewed(startedAt);
    else giveUpExpired();
  }

  /** Answers whether the store has answered. */
  async function renew(batch: readonly LeaseHolder[]): Promise<boolean> {
    const validUntil = clock.monotonic() + parts.leaseMs;
    try {
      const leases = batch.map((holder) => holder.lease);
      const statuses = await parts.tasks.renew(leases, parts.leaseMs);
      for (const [index, holder] of batch.entries()) settle(holder, statuses[index], validUntil);
      return true;
    } catch (error) {
      parts.onFailure(error);
      return false;
    }
  }

  function settle(holder: LeaseHolder, status: LeaseStatus | undefined, validUntil: number): void {
    const held = holders.get(holder);
    if (!held) return;
    if (!status?.valid) {
      holder.lost();
      return;
    }
    held.validUntil = validUntil;
    if (status.cancel) holder.cancel(status.cancel.mode, status.cancel.reason);
  }

  /** The next renewal would come after the end of these leases. */
  function giveUpExpired(): void {
    const nextAt = clock.monotonic() + (soon.isSet() ? SOON_AGAIN_MS : parts.renewIntervalMs);
    for (const [holder, { validUntil, backed }] of holders) {
      const backedUntil = backed?.validUntil() ?? Number.NEGATIVE_INFINITY;
      if (Math.max(validUntil, backedUntil) <= nextAt) holder.lost();
    }
  }

  return {
    ...service(
      async () => {
        stopped = false;
        schedule();
      },
      async () => {
        stopped = true;
        timer?.clear();
        soon.clear();
        await renewing;
      },
    ),
    hold(holder, askedAt, leaseLeftMs = parts.leaseMs) {
      const claimedAt = askedAt - Math.max(0, parts.leaseMs - leaseLeftMs);
      const validUntil = claimedAt + parts.leaseMs;
      const backed = parts.backup?.hold(holder.lease, claimedAt, claimedAt + holder.limitMs);
      holders.set(holder, { validUntil, backed });
      // Its claim was answered too late: another worker may have it.
      if (validUntil <= clock.monotonic()) holder.lost();
      else if (endsEarly(parts, validUntil)) soon.set(SOON_MS);
    },
    release(holder) {
      holders.get(holder)?.backed?.release();
      holders.delete(holder);
    },
    heldCount: () => holders.size,
  };
}

function earlyOf(parts: LeaseKeeperParts, holders: ReadonlyMap<LeaseHolder, Held>): LeaseHolder[] {
  const early = [...holders].filter(([, { validUntil }]) => endsEarly(parts, validUntil));
  return early.map(([holder]) => holder);
}

/** Before any lease that was claimed, or renewed, in the last interval. */
function endsEarly(
  { clock, leaseMs, renewIntervalMs }: LeaseKeeperParts,
  validUntil: number,
): boolean {
  return validUntil < clock.monotonic() + leaseMs - renewIntervalMs;
}

interface Alarm {
  /** One that is set goes off as it was. */
  set(inMs: number): void;
  isSet(): boolean;
  clear(): void;
}

function createAlarm(clock: Clock, onTime: () => void): Alarm {
  let timer: Timer | undefined;
  return {
    set(inMs) {
      timer ??= clock.setTimer(inMs, () => {
        timer = undefined;
        onTime();
      });
    },
    isSet: () => timer !== undefined,
    clear() {
      timer?.clear();
      timer = undefined;
    },
  };
}
