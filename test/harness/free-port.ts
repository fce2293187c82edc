/** Ports for servers that end and come back, or whose port must be known before they start. */
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/**
 * Below what kernels give to outgoing connections and to "any port": while the server is away, a
 * client that tries to reach it must not get its port itself, and neither must another server.
 */
const FIRST_PORT = 10_000;
const LAST_PORT = 32_000;

/** A port that nobody listens on now, on 127.0.0.1. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST_PORT, LAST_PORT + 1);
    const probe = createServer();
    try {
      probe.listen(port, "127.0.0.1");
      await once(probe, "listening");
    } catch {
      continue;
    }
    probe.close();
    await once(probe, "close");
    return port;
  }
}
