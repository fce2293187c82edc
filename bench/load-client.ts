/**
 * A process that loads a gRPC server: raw HTTP/2 frames, no Protobuf work, so that one core of it
 * drives a server of another core to its limit.
 */
import { type ClientHttp2Session, connect } from "node:http2";

export interface LoadOrder {
  readonly port: number;
  /** `/package.Service/Method`. */
  readonly path: string;
  /** The request message, Protobuf in base64. */
  readonly message: string;
  readonly concurrency: number;
  readonly durationMs: number;
  /** Latencies end with this message of a call, from 1; absent = with the call. */
  readonly markedMessage?: number;
}

export interface LoadReport {
  readonly calls: number;
  readonly elapsedMs: number;
  /** Response messages of all calls. */
  readonly messages: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Calls that did not end with OK, and how the first one ended. */
  readonly failures: number;
  readonly firstFailure: string;
  /** Share of a core that the load itself took; near 1 the server is not what was measured. */
  readonly clientLoad: number;
}

const CALLS_A_CONNECTION = 32;
const FRAME_HEADER_BYTES = 5;

process.on("message", (order: LoadOrder) => {
  load(order).then(
    (report) => process.send?.(report),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});

async function load(order: LoadOrder): Promise<LoadReport> {
  const message = Buffer.from(order.message, "base64");
  const frame = Buffer.alloc(FRAME_HEADER_BYTES + message.length);
  frame.writeUInt32BE(message.length, 1);
  message.copy(frame, FRAME_HEADER_BYTES);

  const connections = Array.from(
    { length: Math.ceil(order.concurrency / CALLS_A_CONNECTION) },
    () => connect(`http://127.0.0.1:${order.port}`),
  );
  const latencies: number[] = [];
  const failures: string[] = [];
  let messages = 0;
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  const endAt = startedAt + order.durationMs;

  async function caller(index: number): Promise<void> {
    const connection = connections[index % connections.length];
    if (!connection) return;
    while (performance.now() < endAt) {
      const calledAt = performance.now();
      let endedAt = 0;
      const { status, received } = await call(connection, order.path, frame, (count) => {
        if (count === order.markedMessage) endedAt = performance.now();
      });
      latencies.push((endedAt || performance.now()) - calledAt);
      messages += received;
      if (status !== "0") failures.push(status);
    }
  }
  await Promise.all(Array.from({ length: order.concurrency }, (_, index) => caller(index)));
  const elapsedMs = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpuBefore);
  for (const connection of connections) connection.close();
  latencies.sort((a, b) => a - b);
  const percentile = (p: number) => latencies[Math.floor((latencies.length - 1) * p)] ?? 0;
  return {
    calls: latencies.length - failures.length,
    elapsedMs,
    messages,
    p50Ms: percentile(0.5),
    p99Ms: percentile(0.99),
    failures: failures.length,
    firstFailure: failures[0] ?? "",
    clientLoad: (user + system) / 1000 / elapsedMs,
  };
}

/** One call; its grpc-status, and how many messages came back. */
function call(
  connection: ClientHttp2Session,
  path: string,
  frame: Buffer,
  onMessage: (count: number) => void,
): Promise<{ status: string; received: number }> {
  return new Promise((resolve) => {
    const stream = connection.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc+proto",
      te: "trailers",
    });
    let status = "no status";
    let received = 0;
    const setStatus = (headers: Record<string, unknown>): void => {
      const given = headers["grpc-status"];
      if (given === undefined) return;
      status = given === "0" ? "0" : `${String(given)} ${String(headers["grpc-message"] ?? "")}`;
    };
    const count = frameCounter(() => {
      received += 1;
      onMessage(received);
    });
    stream.on("response", setStatus);
    stream.on("trailers", setStatus);
    stream.on("data", count);
    stream.on("error", (error) => {
      status = error.message;
    });
    stream.on("close", () => resolve({ status, received }));
    stream.end(frame);
  });
}

/** Calls back for each gRPC frame, however the bytes are cut. */
function frameCounter(onFrame: () => void): (chunk: Buffer) => void {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  let headerBytes = 0;
  let bodyBytesLeft = 0;
  return (chunk) => {
    let at = 0;
    while (at < chunk.length) {
      if (bodyBytesLeft > 0) {
        const step = Math.min(bodyBytesLeft, chunk.length - at);
        at += step;
        bodyBytesLeft -= step;
        continue;
      }
      const step = Math.min(FRAME_HEADER_BYTES - headerBytes, chunk.length - at);
      chunk.copy(header, headerBytes, at, at + step);
      at += step;
      headerBytes += step;
      if (headerBytes < FRAME_HEADER_BYTES) continue;
      onFrame();
      headerBytes = 0;
      bodyBytesLeft = header.readUInt32BE(1);
    }
  };
}
