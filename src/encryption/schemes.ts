/**
 * Which codec opens what: the first byte of sealed content says so. One seals, and those that are
 * configured beside it open what they have sealed before, so that an installation can move from a
 * keys file to a module and back.
 */
import type { PayloadCodec } from "./contract.ts";
import { ENVELOPE } from "./envelope.ts";
import { notConfigured, unreadableEnvelope } from "./errors.ts";
import type { KeyRing } from "./key-ring.ts";
import { MODULE_SCHEME } from "./module-codec.ts";

export interface Schemes {
  /** Seals where there is no module. */
  readonly keyRing: KeyRing | undefined;
  readonly module: PayloadCodec | undefined;
}

/** The codec that new content is sealed with; undefined = content stays as it is. */
export function sealerOf({ keyRing, module }: Schemes): PayloadCodec | undefined {
  return module ?? keyRing;
}

/** Throws `notConfigured` for what another process has sealed. */
export function openerOf({ keyRing, module }: Schemes, sealed: Uint8Array): PayloadCodec {
  switch (sealed[0]) {
    case ENVELOPE:
      if (keyRing) return keyRing;
      throw notConfigured("PAYLOAD_KEYS_FILE");
    case MODULE_SCHEME:
      if (module) return module;
      throw notConfigured("PAYLOAD_CODEC_MODULE");
    default:
      throw unreadableEnvelope();
  }
}

export async function fingerprintsOf(
  { keyRing, module }: Schemes,
  text: string,
): Promise<readonly string[]> {
  const own = (await module?.fingerprints(text)) ?? [];
  return [...own, ...((await keyRing?.fingerprints(text)) ?? [])];
}
