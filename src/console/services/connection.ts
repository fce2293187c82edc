/** Whether the server answers, and whether it knows us; told by every call. */
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.js";
import { type Observable, observable } from "./observable.ts";

export type ConnectionState =
  /** Nothing has been answered yet. */
  | "connecting"
  | "live"
  /** The last call did not get through; calls are repeated. */
  | "reconnecting"
  /** The server wants a key, or another one. */
  | "locked";

export interface Connection {
  readonly state: Observable<ConnectionState>;
  succeeded(): void;
  failed(error: unknown): void;
}

export function createConnection(): Connection {
  const state = observable<ConnectionState>("connecting");
  return {
    state,
    succeeded: () => state.set("live"),
    failed(error) {
      if (isHeldOff(error)) return;
      if (isUnauthenticated(error)) state.set("locked");
      else if (isLost(error)) state.set("reconnecting");
      else if (!isAborted(error)) state.set("live");
    },
  };
}

/** Whether a call did not reach a server that is up: worth repeating as it is. */
export function isLost(error: unknown): boolean {
  const { code, cause } = ConnectError.from(error);
  if (code === Code.Unavailable) return true;
  // What fetch throws, whatever the reason: "Failed to fetch", "network error".
  return cause instanceof TypeError;
}

export function isUnauthenticated(error: unknown): boolean {
  return ConnectError.from(error).code === Code.Unauthenticated;
}

/** The server says nothing about the key: too many from this address were wrong. */
function isHeldOff(error: unknown): boolean {
  const [info] = ConnectError.from(error).findDetails(ErrorInfoSchema);
  return info?.reason === "TOO_MANY_FAILED_AUTHENTICATIONS";
}

/**
 * Resolves at once unless the server wants another key, or when `signal` aborts. To repeat calls with a
 * wrong one holds off everybody behind the same address.
 */
export function untilUnlocked({ state }: Connection, signal: AbortSignal): Promise<void> {
  if (state.get() !== "locked") return Promise.resolve();
  return new Promise((resolve) => {
    const look = (): void => {
      if (state.get() === "locked" && !signal.aborted) return;
      unsubscribe();
      signal.removeEventListener("abort", look);
      resolve();
    };
    const unsubscribe = state.subscribe(look);
    signal.addEventListener("abort", look);
  });
}

export function isAborted(error: unknown): boolean {
  return ConnectError.from(error).code === Code.Canceled;
}
