/** grpc.health.v1, from one readiness for all services. */
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

export interface Readiness {
  /** Why this process should get no calls now; undefined = it should. */
  problem(): string | undefined;
  /** Calls back after every change, until the returned function is called. */
  onChange(listener: () => void): () => void;
}

/** `serviceNames`: fully qualified; the empty name, the process as a whole, is known too. */
export function healthService(
  readiness: Readiness,
  serviceNames: readonly string[],
): Implementation<typeof Health> {
  const known = new Set(["", ...serviceNames]);
  const status = (): HealthCheckResponse =>
    create(HealthCheckResponseSchema, {
      status: readiness.problem() === undefined ? Status.SERVING : Status.NOT_SERVING,
    });

  return {
    async check({ service }) {
      if (!known.has(service)) {
        throw wireError({
          code: Code.NotFound,
          reason: "SERVICE_UNKNOWN",
          message: `unknown service "${service}"`,
        });
      }
      return status();
    },

    async *watch({ service }, { signal }) {
      if (!known.has(service)) {
        yield [create(HealthCheckResponseSchema, { status: Status.SERVICE_UNKNOWN })];
        await aborted(signal);
        return;
      }
      const changes = watchChanges(readiness, signal);
      let last: Status | undefined;
      do {
        const now = status();
        if (now.status !== last) yield [now];
        last = now.status;
      } while (await changes.next());
    },

    async list() {
      const statuses = Object.fromEntries([...known].map((name) => [name, status()]));
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
