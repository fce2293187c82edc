/** A server in a process of its own, for tests of its memory. Tells its port, then its peak RSS on request. */
import { startTestServer } from "./test-server.ts";

const { port } = await startTestServer();
process.on("message", () =>
  process.send?.({ peakRssBytes: process.resourceUsage().maxRSS * 1024 }),
);
process.send?.({ port });
