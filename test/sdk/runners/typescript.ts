/** One SDK, three transports: gRPC by Connect, gRPC by grpc-js, and a browser's gRPC-web by fetch. */
import type { Runner } from "../runner.ts";

export const runners: readonly Runner[] = ["grpc", "grpc-js", "web"].map((transport) => ({
  language: "typescript",
  name: `typescript (${transport})`,
  missing: () => undefined,
  command: [process.execPath, "sdk/typescript/scenarios/runner.ts", transport],
}));
