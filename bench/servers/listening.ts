import type { Http2Server } from "node:http2";

/** Tells the parent process the port. */
export function listening(server: Http2Server): void {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening on a port");
  process.send?.({ port: address.port });
}
