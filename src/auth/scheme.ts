/** A way to authenticate by a bearer token, and what any way finds out. */
import type { Principal } from "../tasks/principal.ts";

export interface Verified {
  readonly principal: Principal;
  /** Milliseconds since the epoch; undefined = the credential has no end of its own. */
  readonly expiresAtMs: number | undefined;
}

export interface BearerScheme {
  /** Whether the token is meant for this scheme, by its form alone. Then no other one is asked. */
  isMeant(token: string): boolean;
  /** Undefined = not valid. Throws `unavailable` where that cannot be known now. */
  verify(token: string): Promise<Verified | undefined>;
}
