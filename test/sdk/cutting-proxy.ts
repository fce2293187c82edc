/** A TCP proxy that does to connections what networks, load balancers and restarts do to them. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { createFrames, type Frame, goaway, PREFACE, resetStream } from "./frames.ts";

export interface CutPlan {
  /**
   * Bytes towards the client, over all connections, that pass before a cut; the rest of the frame
   * (of HTTP/1.1: of the chunk) that holds the last of them is lost. 0 = the client sees nothing.
   */
  readonly afterBytes?: number | undefined;
  /** Instead: what comes before these bytes passes. */
  readonly before?: Uint8Array | undefined;
  /** So many cuts, counted from zero bytes again each time; then everything passes. */
  readonly times: number;
  /**
   * rst = "connection reset", fin = an orderly end in the middle of a message. With HTTP/1.1 the
   * others are as rst: goaway = no new calls on this connection, what runs goes on; shutdown = the
   * connection ends after a GOAWAY that disowns all calls; a number = RST_STREAM with that code.
   */
  readonly how: "rst" | "fin" | "goaway" | "shutdown" | number;
  /** After the last cut, so many new connections are closed at once. */
  readonly refuse?: number | undefined;
  /** After the last cut, new connections reach nobody as long as the plan holds. */
  readonly hold?: boolean | undefined;
}

export interface CuttingProxy {
  readonly port: number;
  /** Replaces the plan before. */
  plan(plan: CutPlan | undefined): void;
  /** Cuts and refusals of the plan that have not happened. */
  readonly cutsLeft: number;
  /** To a server that goes and comes back, maybe elsewhere; new connections wait meanwhile. */
  during(move: Promise<number>): Promise<void>;
  stop(): Promise<void>;
}

/** A client's connection, and the one to the server that it stands for. */
interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** Of HTTP/2; undefined until it is known, or of HTTP/1.1. */
  frames?: (chunk: Buffer) => Frame[];
  isCut: boolean;
  /** By a RST_STREAM: its data must not follow. */
  readonly resetIds: Set<number>;
}

export async function startCuttingProxy(targetHost: string, targetPort: number) {
  const sockets = new Set<Socket>();
  const pairs = new Set<Pair>();
  let port = targetPort;
  let current: CutPlan | undefined;
  let cutsLeft = 0;
  let refusalsLeft = 0;
  let passed = 0;
  let waiting: (() => void)[] = [];
  let isMoving = false;

  const isHeld = (): boolean => isMoving || (current?.hold === true && cutsLeft === 0);

  function release(): void {
    if (isHeld()) return;
    const released = waiting;
    waiting = [];
    for (const begin of released) begin();
  }

  /** Bytes of a piece that may pass; undefined = all of them. */
  function roomFor(piece: Buffer): number | undefined {
    if (!current || cutsLeft === 0) return undefined;
    if (current.before !== undefined) {
      const found = piece.indexOf(current.before);
      return found < 0 ? undefined : found;
    }
    const left = (current.afterBytes ?? 0) - passed;
    passed += piece.length;
    return piece.length <= left ? undefined : Math.max(left, 0);
  }

  function pass(pair: Pair, piece: Buffer, frame: Frame | undefined): void {
    if (pair.isCut || (frame?.isData && pair.resetIds.has(frame.streamId))) return;
    const room = roomFor(piece);
    if (room === undefined || !current) return void pair.client.write(piece);
    // Only a call's own frame says which call it is.
    if (typeof current.how === "number" && frame && !frame.isData) {
      return void pair.client.write(piece);
    }
    const { how, refuse, hold } = current;
    cutsLeft -= 1;
    passed = 0;
    // The server is away: for connections that are idle, too.
    if (cutsLeft === 0 && (refuse || hold)) {
      for (const other of pairs) if (other !== pair) other.client.resetAndDestroy();
    }
    if (frame && how === "goaway") {
      pair.client.write(goaway(frame.streamId, 0));
      pair.client.write(piece);
    } else if (frame && typeof how === "number") {
      pair.resetIds.add(frame.streamId);
      pair.client.write(resetStream(frame.streamId, how));
      // Between two frames of the client, as long as it has sent its request whole.
      pair.server.write(resetStream(frame.streamId, how));
    } else {
      pair.isCut = true;
      pair.server.destroy();
      const end = (): void =>
        void (how === "fin" || how === "shutdown"
          ? pair.client.end()
          : pair.client.resetAndDestroy());
      const last = frame && how === "shutdown" ? goaway(0, 0) : piece.subarray(0, room);
      if (last.length > 0) pair.client.write(last, end);
      else end();
    }
  }

  function join(client: Socket): void {
    const server = connect(port, targetHost);
    const pair: Pair = { client, server, isCut: false, resetIds: new Set() };
    own(server);
    pairs.add(pair);
    client.on("close", () => {
      pairs.delete(pair);
      server.destroy();
    });
    // What was cut ends in its own way.
    server.on("close", () => pair.isCut || client.destroy());
    client.once("data", (first: Buffer) => {
      if (first.subarray(0, PREFACE.length).equals(PREFACE)) pair.frames = createFrames();
    });
    client.on("data", (chunk) => void server.write(chunk));
    server.on("data", (chunk: Buffer) => {
      if (!pair.frames) return pass(pair, chunk, undefined);
      for (const frame of pair.frames(chunk)) pass(pair, frame.bytes, frame);
    });
  }

  function own(socket: Socket): void {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => undefined);
    socket.on("close", () => void sockets.delete(socket));
  }

  const listener = createServer({ pauseOnConnect: true }, (client) => {
    own(client);
    const begin = (): void => {
      if (client.destroyed) return;
      join(client);
      client.resume();
    };
    if (cutsLeft === 0 && refusalsLeft > 0) {
      refusalsLeft -= 1;
      client.resetAndDestroy();
    } else if (isHeld()) waiting.push(begin);
    else begin();
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  const proxy: CuttingProxy = {
    port: typeof address === "object" && address ? address.port : 0,
    plan(plan) {
      current = plan;
      cutsLeft = plan?.times ?? 0;
      refusalsLeft = plan?.refuse ?? 0;
      passed = 0;
      release();
    },
    get cutsLeft() {
      return cutsLeft + refusalsLeft;
    },
    async during(move) {
      isMoving = true;
      try {
        port = await move;
      } finally {
        isMoving = false;
        release();
      }
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      listener.close();
      await once(listener, "close");
    },
  };
  return proxy;
}
