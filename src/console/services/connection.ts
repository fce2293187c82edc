/** Whether the server answers, and whether it knows us; told by every call. */
import { Code, ConnectError } from "@connectrpc/connect";
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

export function isAborted(error: unknown): boolean {
  return ConnectError.from(error).code === Code.Canceled;
}
