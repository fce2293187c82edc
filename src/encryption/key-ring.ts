/** The codec of a keys file: its active key seals, and all of its keys open. */
import { createHmac, hkdfSync } from "node:crypto";
import type { PayloadCodec } from "./contract.ts";
import {
  type DataKey,
  deriveKey,
  KEY_BYTES,
  MAX_SEALS,
  newDataKey,
  openWith,
  readEnvelope,
  sealWith,
} from "./envelope.ts";
import { keyUnknown } from "./errors.ts";

export interface Keys {
  /** Of the key that seals; one of `secrets`. */
  readonly activeId: string;
  /** 32 bytes by key id. */
  readonly secrets: ReadonlyMap<string, Uint8Array>;
}

export interface KeyRing extends PayloadCodec {
  /** From now on: the keys of a file that has changed. */
  use(keys: Keys): void;
}

/** Derived keys kept for opening: one for each start of a process that has sealed, and key. */
const MAX_OPENERS = 4096;
const FINGERPRINT = "agentlane fingerprint 1";

export function createKeyRing(keys: Keys, maxSeals = MAX_SEALS): KeyRing {
  return new Ring(keys, maxSeals);
}

class Ring implements KeyRing {
  readonly #maxSeals: number;
  #keys: Keys;
  #sealer: DataKey;
  #sealCount = 0;
  readonly #openers = new Map<string, Buffer>();
  #fingerprintKeys: readonly Buffer[];

  constructor(keys: Keys, maxSeals: number) {
    this.#maxSeals = maxSeals;
    this.#keys = keys;
    this.#sealer = sealerOf(keys);
    this.#fingerprintKeys = fingerprintKeysOf(keys);
  }

  use(keys: Keys): void {
    this.#keys = keys;
    this.#renewSealer();
    this.#openers.clear();
    this.#fingerprintKeys = fingerprintKeysOf(keys);
  }

  async seal(content: Uint8Array, place: Uint8Array): Promise<Uint8Array> {
    if (this.#sealCount >= this.#maxSeals) this.#renewSealer();
    this.#sealCount += 1;
    return sealWith(this.#sealer, content, place);
  }

  async open(sealed: Uint8Array, place: Uint8Array): Promise<Uint8Array> {
    const parts = readEnvelope(sealed);
    return openWith(this.#opener(parts.keyId, parts.salt), parts, place);
  }

  async fingerprints(text: string): Promise<readonly string[]> {
    return this.#fingerprintKeys.map((key) => createHmac("sha256", key).update(text).digest("hex"));
  }

  #renewSealer(): void {
    this.#sealer = sealerOf(this.#keys);
    this.#sealCount = 0;
  }

  /** The one that was used the longest ago goes first. */
  #opener(keyId: string, salt: Buffer): Buffer {
    const secret = this.#keys.secrets.get(keyId);
    if (!secret) throw keyUnknown(keyId);
    const name = `${keyId} ${salt.toString("base64")}`;
    const known = this.#openers.get(name);
    if (known) this.#openers.delete(name);
    const opener = known ?? deriveKey(secret, salt);
    this.#openers.set(name, opener);
    for (const oldest of this.#openers.keys()) {
      if (this.#openers.size <= MAX_OPENERS) break;
      this.#openers.delete(oldest);
    }
    return opener;
  }
}

function secretOf({ secrets }: Keys, keyId: string): Uint8Array {
  const secret = secrets.get(keyId);
  if (!secret) throw keyUnknown(keyId);
  return secret;
}

function sealerOf(keys: Keys): DataKey {
  return newDataKey(keys.activeId, secretOf(keys, keys.activeId));
}

/** The active key's first. */
function fingerprintKeysOf(keys: Keys): Buffer[] {
  const others = [...keys.secrets.keys()].filter((keyId) => keyId !== keys.activeId);
  return [keys.activeId, ...others].map((keyId) => {
    const secret = secretOf(keys, keyId);
    return Buffer.from(hkdfSync("sha256", secret, "", FINGERPRINT, KEY_BYTES));
  });
}
