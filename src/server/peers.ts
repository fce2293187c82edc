/** Who is at the other end of a connection: looked at once for each. */
import type { Http2Session, ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Peer } from "../auth/contract.ts";
import type { HttpRequest } from "./connect-adapter.ts";

export interface Peers {
  ofSession(session: Http2Session): Peer;
  ofStream(stream: ServerHttp2Stream): Peer;
  ofRequest(request: HttpRequest): Peer;
}

/** Of a connection that is gone already: nobody is let in from there. */
const GONE: Peer = { address: "", certificate: undefined };

export function createPeers(): Peers {
  const known = new WeakMap<Http2Session | Socket, Peer>();

  function of(connection: Http2Session | Socket, socket: Socket | TLSSocket): Peer {
    const peer = known.get(connection) ?? peerOf(socket);
    known.set(connection, peer);
    return peer;
  }

  const ofSession = (session: Http2Session): Peer =>
    known.get(session) ?? (session.destroyed ? GONE : of(session, session.socket));
  const ofStream = ({ session }: ServerHttp2Stream): Peer => (session ? ofSession(session) : GONE);

  return {
    ofSession,
    ofStream,
    ofRequest: (request) =>
      "stream" in request ? ofStream(request.stream) : of(request.socket, request.socket),
  };
}

/** Only what TLS has verified: a server may be told to let others in without. */
function peerOf(socket: Socket | TLSSocket): Peer {
  const isVerified = socket instanceof TLSSocket && socket.authorized;
  return {
    address: socket.remoteAddress ?? "",
    certificate: isVerified ? socket.getPeerX509Certificate() : undefined,
  };
}
