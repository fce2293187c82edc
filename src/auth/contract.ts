/**
 * Seam: who a caller is. Asked before anything of a request's body is read, so an answer may cost
 * little: the server has limited the headers and nothing else of the request yet.
 */
import type { X509Certificate } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { AgentlaneError } from "../errors.ts";
import type { Principal } from "../tasks/principal.ts";

/** The other end of a connection; one object a connection, so that it can be remembered by it. */
export interface Peer {
  /** Its IP address. */
  readonly address: string;
  /** Which TLS has verified against TLS_CLIENT_CA; undefined without one. */
  readonly certificate: X509Certificate | undefined;
}

export interface Approach {
  readonly headers: IncomingHttpHeaders;
  readonly peer: Peer;
}

export interface Admission {
  readonly principal: Principal;
  /** For calls that may outlast the credential. Absent = it has no end that could be known. */
  readonly follow?: FollowCredential;
}

/**
 * Calls back once, when the credential opens nothing any more: with `unauthenticated`, or `unavailable`
 * where that has not been known for too long. Never once the returned function has been called.
 */
export type FollowCredential = (onEnd: (reason: AgentlaneError) => void) => () => void;

/**
 * Undefined = no valid credential, whatever is wrong with it. Throws `unavailable` where that cannot
 * be known now, and `resource_exhausted` for an address that has failed too often.
 */
export type Authenticate = (
  approach: Approach,
) => Admission | undefined | Promise<Admission | undefined>;
