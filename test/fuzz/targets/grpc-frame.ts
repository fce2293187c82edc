/** The body of a call in envelopes, compressed or not: the first byte chooses how it is announced. */
import { Readable } from "node:stream";
import { ExecuteRequestSchema } from "../../../gen/agentlane/v1/agent_service_pb.js";
import { systemClock } from "../../../src/clock.ts";
import { readMessage } from "../../../src/server/request-body.ts";
import { isRefusal } from "../expectations.ts";

const LIMITS = { maxMessageBytes: 64 * 1024, maxDepth: 64, bodyTimeoutMs: 5000 };
const ENCODINGS = [undefined, "identity", "gzip", "br", "zstd"];

export async function fuzz(data: Buffer): Promise<void> {
  const choice = data[0] ?? 0;
  const bytes = data.subarray(1);
  // In two pieces, as a network would.
  const cut = Math.min(bytes.length, choice >> 4);
  const pieces = [bytes.subarray(0, cut), bytes.subarray(cut)].filter(({ length }) => length > 0);
  const body = {
    source: Readable.from(pieces, { objectMode: false }),
    protocol: {
      name: "grpc" as const,
      json: (choice & 8) !== 0,
      enveloped: true,
      encodingHeader: "grpc-encoding" as const,
    },
    encoding: ENCODINGS[choice % ENCODINGS.length],
    contentLength: undefined,
  };
  try {
    await readMessage(ExecuteRequestSchema, body, LIMITS, systemClock);
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
}
