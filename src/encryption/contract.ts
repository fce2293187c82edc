/**
 * Seam: how content is encrypted. Stores and brokers see what `seal` makes of it and nothing else.
 * Adapters: the keys of a file (key-ring.ts), a module of the operator's own (module-codec.ts).
 * Failures are AgentlaneErrors of errors.ts, which name keys and places but never content.
 */
export interface PayloadCodec {
  /** `place` says where the result will be kept; it opens nowhere else. Never the same twice. */
  seal(content: Uint8Array, place: Uint8Array): Promise<Uint8Array>;
  /** Throws `keyUnknown` or `notAuthentic`. */
  open(sealed: Uint8Array, place: Uint8Array): Promise<Uint8Array>;
  /**
   * Keyed digests of a text, one for each key it may have been digested with; the first is the one to
   * keep. Who has no key learns nothing from them but which are equal.
   */
  fingerprints(text: string): Promise<readonly string[]>;
}

/** What content is kept for: one that has been moved does not open. */
export type PlaceKind = "request" | "event" | "result" | "error" | "session";

/** Injective: no two places have the same bytes. */
export function placeOf(
  kind: PlaceKind,
  tenant: string,
  ...names: readonly (string | number | bigint)[]
): Uint8Array {
  return Buffer.from(JSON.stringify([kind, tenant, ...names.map(String)]));
}
