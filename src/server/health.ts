/**
 * grpc.health.v1, by service: each says SERVING while this process has what that service needs.
 * https://github.com/grpc/grpc/blob/master/doc/health-checking.md
 */
import { create } from "@bufbuild/protobuf";
import { Code } from "@connectrpc/connect";
import {
  type Health,
  type HealthCheckResponse,
  HealthCheckResponseSchema,
  HealthListResponseSchema,
  HealthCheckResponse_ServingStatus as Status,
} from "../../gen/grpc/health/v1/health_pb.js";
import { wireError } from "./error-codes.ts";
import type { Implementation } from "./rpc.ts";

/** `entry`: new work is let in, no drain has begun. */
export type Need = "store" | "queue" | "worker" | "entry";

export interface Readiness {
  /** What this process lacks now, and why; empty = nothing. */
  lacks(): readonly { readonly need: Need; readonly why: string }[];
  /** Calls back after every change, until the returned function is called. */
  onChange(listener: () => void): () => void;
}

/** By a service's full name. */
export type ServiceNeeds = ReadonlyMap<string, readonly Need[]>;

export const ALL_NEEDS: readonly Need[] = ["store", "queue", "worker", "entry"];

/** The process as a whole: `""` and `readiness` as /readyz, `liveness` as /livez. */
const PROCESS: ServiceNeeds = new Map([
  ["", ALL_NEEDS],
  ["readiness", ALL_NEEDS],
  ["liveness", []],
]);

export function healthService(
  readiness: Readiness,
  services: ServiceNeeds,
): Implementation<typeof Health> {
  const known: ServiceNeeds = new Map([...PROCESS, ...services]);

  function statusFor(needs: readonly Need[]): HealthCheckResponse {
    const lacking = readiness.lacks().some(({ need }) => needs.includes(need));
    const status = lacking ? Status.NOT_SERVING : Status.SERVING;
    return create(HealthCheckResponseSchema, { status });
  }

  return {
    async check({ service }) {
      const needs = known.get(service);
      if (needs) return statusFor(needs);
      throw wireError({
        code: Code.NotFound,
        reason: "SERVICE_UNKNOWN",
        message: `unknown service "${service}": known are ${[...known.keys()].filter(Boolean).join(", ")}`,
      });
    },

    async *watch({ service }, { signal }) {
      const needs = known.get(service);
      if (!needs) {
        yield [create(HealthCheckResponseSchema, { status: Status.SERVICE_UNKNOWN })];
        await aborted(signal);
        return;
      }
      const changes = watchChanges(readiness, signal);
      let last: Status | undefined;
      do {
        const now = statusFor(needs);
        if (now.status !== last) yield [now];
        last = now.status;
      } while (await changes.next());
    },

    async list() {
      const statuses = Object.fromEntries(
        [...known].map(([name, needs]) => [name, statusFor(needs)]),
      );
      return create(HealthListResponseSchema, { statuses });
    },
  };
}

/** `next` resolves to true after a change since the last call, to false once `signal` aborts. */
function watchChanges(readiness: Readiness, signal: AbortSignal): { next(): Promise<boolean> } {
  let changed = false;
  let wake: (() => void) | undefined;
  const unsubscribe = readiness.onChange(() => {
    changed = true;
    wake?.();
  });
  const stop = (): void => {
    unsubscribe();
    wake?.();
  };
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop, { once: true });
  return {
    async next() {
      if (!changed && !signal.aborted) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      changed = false;
      return !signal.aborted;
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
