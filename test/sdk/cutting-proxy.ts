/** A TCP proxy that does to connections what networks, load balancers and restarts do to them. */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { type CutPlan, createCuts } from "./cut-plan.ts";
import { createFrames, type Frame, goaway, PREFACE, resetStream } from "./frames.ts";

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
  /** Ended by a RST_STREAM: their data must not follow. */
  readonly resetIds: Set<number>;
}

export async function startCuttingProxy(targetHost: string, targetPort: number) {
  const cuts = createCuts();
  const pairs = new Set<Pair>();
  const clients = new Set<Socket>();
  let port = targetPort;
  let isMoving = false;
  let waiting: (() => void)[] = [];

  const isHeld = (): boolean => isMoving || cuts.holds;

  function release(): void {
    if (isHeld()) return;
    const released = waiting;
    waiting = [];
    for (const begin of released) begin();
  }
  function begin(client: Socket): void {
    if (client.destroyed) return;
    const pair = join(client, connect(port, targetHost), pass);
    pairs.add(pair);
    client.on("close", () => void pairs.delete(pair));
    client.resume();
  }
  function pass(pair: Pair, piece: Buffer, frame: Frame | undefined): void {
    if (pair.isCut || (frame?.isData && pair.resetIds.has(frame.streamId))) return;
    const due = cuts.dueIn(piece);
    // Only a call's own frame says which call it is.
    const isUnfit = typeof due?.how === "number" && frame?.isData === false;
    if (!due || isUnfit) return void pair.client.write(piece);
    cut(pair, piece.subarray(0, due.room), due.how, { piece, frame });
    if (!cuts.made()) return;
    // The server is away: for connections that are idle, too.
    for (const other of pairs) if (other !== pair) other.client.resetAndDestroy();
  }

  const listener = createServer({ pauseOnConnect: true }, (client) => {
    settle(client);
    clients.add(client);
    client.on("close", () => void clients.delete(client));
    if (cuts.refuses()) client.resetAndDestroy();
    else if (isHeld()) waiting.push(() => begin(client));
    else begin(client);
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  const proxy: CuttingProxy = {
    port: typeof address === "object" && address ? address.port : 0,
    plan(plan) {
      cuts.plan(plan);
      release();
    },
    get cutsLeft() {
      return cuts.left;
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
      for (const client of clients) client.destroy();
      listener.close();
      await once(listener, "close");
    },
  };
  return proxy;
}

/** An error is a connection's end like any other. */
function settle(socket: Socket): void {
  socket.setNoDelay(true);
  socket.on("error", () => undefined);
}

function join(
  client: Socket,
  server: Socket,
  pass: (pair: Pair, piece: Buffer, frame: Frame | undefined) => void,
): Pair {
  const pair: Pair = { client, server, isCut: false, resetIds: new Set() };
  settle(server);
  client.on("close", () => server.destroy());
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
  return pair;
}

/** `passing`: what the client still gets of a connection that ends here. */
function cut(
  pair: Pair,
  passing: Buffer,
  how: CutPlan["how"],
  { piece, frame }: { readonly piece: Buffer; readonly frame: Frame | undefined },
): void {
  const { client, server } = pair;
  if (frame && how === "goaway") {
    client.write(goaway(frame.streamId, 0));
    client.write(piece);
  } else if (frame && typeof how === "number") {
    pair.resetIds.add(frame.streamId);
    client.write(resetStream(frame.streamId, how));
    // Between two frames of the client's, which has sent its request whole.
    server.write(resetStream(frame.streamId, how));
  } else {
    pair.isCut = true;
    server.destroy();
    const isOrderly = how === "fin" || (frame !== undefined && how === "shutdown");
    const end = (): void => void (isOrderly ? client.end() : client.resetAndDestroy());
    const last = frame && how === "shutdown" ? goaway(0, 0) : passing;
    if (last.length > 0) client.write(last, end);
    else end();
  }
}
