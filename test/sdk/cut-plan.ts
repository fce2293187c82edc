/** What a proxy is to do to the connections of one request, and what is left of it. */

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
  /** With the last cut all connections end, and so many new ones are closed at once. */
  readonly refuse?: number | undefined;
  /** With the last cut all connections end, and new ones reach nobody as long as the plan holds. */
  readonly hold?: boolean | undefined;
}

export interface Cuts {
  /** Replaces the plan before. */
  plan(plan: CutPlan | undefined): void;
  /** Bytes of a piece that pass before the cut that is due in it, and its kind. */
  dueIn(piece: Buffer): { readonly room: number; readonly how: CutPlan["how"] } | undefined;
  /** A cut was made. Answers whether the server is away from now on. */
  made(): boolean;
  /** Whether a new connection is refused, which is then done. */
  refuses(): boolean;
  readonly holds: boolean;
  /** Cuts and refusals that have not happened. */
  readonly left: number;
}

export function createCuts(): Cuts {
  let current: CutPlan | undefined;
  let cutsLeft = 0;
  let refusalsLeft = 0;
  let passed = 0;

  function roomFor(piece: Buffer, { before, afterBytes = 0 }: CutPlan): number | undefined {
    if (before !== undefined) {
      const found = piece.indexOf(before);
      return found < 0 ? undefined : found;
    }
    const left = afterBytes - passed;
    passed += piece.length;
    return piece.length <= left ? undefined : Math.max(left, 0);
  }
  return {
    plan(plan) {
      current = plan;
      cutsLeft = plan?.times ?? 0;
      refusalsLeft = plan?.refuse ?? 0;
      passed = 0;
    },
    dueIn(piece) {
      if (!current || cutsLeft === 0) return undefined;
      const room = roomFor(piece, current);
      return room === undefined ? undefined : { room, how: current.how };
    },
    made() {
      cutsLeft -= 1;
      passed = 0;
      return cutsLeft === 0 && (refusalsLeft > 0 || current?.hold === true);
    },
    refuses() {
      if (cutsLeft > 0 || refusalsLeft === 0) return false;
      refusalsLeft -= 1;
      return true;
    },
    get holds() {
      return current?.hold === true && cutsLeft === 0;
    },
    get left() {
      return cutsLeft + refusalsLeft;
    },
  };
}
