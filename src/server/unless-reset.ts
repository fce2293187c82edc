import type { ServerHttp2Stream } from "node:http2";

/**
 * Serves in the next turn of the event loop, when all that came with the stream's head has been read.
 * node hands out a read frame by frame and settles promises in between: calls that are reset as they are
 * made ran to their end before their reset was seen, and held up every other connection for seconds.
 * Whoever listens for the end of the body must do so before: that of an empty one passes meanwhile.
 */
export function unlessReset(stream: ServerHttp2Stream, serve: () => void): void {
  stream.on("error", () => undefined);
  setImmediate(() => {
    if (!stream.destroyed && !stream.closed) serve();
  });
}
