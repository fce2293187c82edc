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
  lost(): void;
  cancel(mode: CancelMode, reason: string): void;
}

export interface LeaseKeeper extends Service {
  /** `claimedAt`: monotonic time before the claim was asked for; the lease counts from then. */
  hold(holder: LeaseHolder, claimedAt: number): void;
  /** The attempt has ended; its lease is not renewed any more. */
  release(holder: LeaseHolder): void;
  heldCount(): number;
}

export interface LeaseKeeperParts {
  readonly tasks: TaskStore;
  readonly clock: Clock;
  readonly leaseMs: number;
  /** Well below leaseMs, so that two renewals may fail. */
  readonly renewIntervalMs: number;
  readonly onFailure: (error: unknown) => void;
}

export function createLeaseKeeper(parts: LeaseKeeperParts): LeaseKeeper {
  const { clock } = parts;
  /** Until when each lease is certainly valid, counted from before the call that extended it. */
  const holders = new Map<LeaseHolder, number>();
  let timer: Timer | undefined;
  let stopped = true;
  let renewing: Promise<void> | undefined;

  function schedule(): void {
    if (stopped) return;
    timer = clock.setTimer(parts.renewIntervalMs, () => {
      // A renewal that hangs must not hide that leases end.
      if (renewing) giveUpExpired();
      else {
        renewing = renew().finally(() => {
          renewing = undefined;
        });
      }
      schedule();
    });
  }

  async function renew(): Promise<void> {
    const batch = [...holders.keys()];
    if (batch.length === 0) return;
    const validUntil = clock.monotonic() + parts.leaseMs;
    try {
      const leases = batch.map((holder) => holder.lease);
      const statuses = await parts.tasks.renew(leases, parts.leaseMs);
      for (const [index, holder] of batch.entries()) settle(holder, statuses[index], validUntil);
    } catch (error) {
      parts.onFailure(error);
      giveUpExpired();
    }
  }

  function settle(holder: LeaseHolder, status: LeaseStatus | undefined, validUntil: number): void {
    if (!holders.has(holder)) return;
    if (!status?.valid) {
      holder.lost();
      return;
    }
    holders.set(holder, validUntil);
    if (status.cancel) holder.cancel(status.cancel.mode, status.cancel.reason);
  }

  /** The next renewal would come after the end of these leases. */
  function giveUpExpired(): void {
    const nextAt = clock.monotonic() + parts.renewIntervalMs;
    for (const [holder, validUntil] of holders) if (validUntil <= nextAt) holder.lost();
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
        await renewing;
      },
    ),
    hold(holder, claimedAt) {
      const validUntil = claimedAt + parts.leaseMs;
      holders.set(holder, validUntil);
      // Its claim was answered too late: another worker may have it.
      if (validUntil <= clock.monotonic()) holder.lost();
    },
    release: (holder) => void holders.delete(holder),
    heldCount: () => holders.size,
  };
}
