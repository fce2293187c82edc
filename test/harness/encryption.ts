/** Stores and buses with encryption on, as processes of one installation have them. */
import { randomBytes } from "node:crypto";
import { Content } from "../../src/encryption/content.ts";
import { encryptStore } from "../../src/encryption/encrypted-store.ts";
import { createKeyRing, type KeyRing, type Keys } from "../../src/encryption/key-ring.ts";
import type { Store } from "../../src/store/contract.ts";

/** Keys of these ids, the first one active. */
export function newKeys(...ids: [string, ...string[]]): Keys {
  return {
    activeId: ids[0],
    secrets: new Map(ids.map((id) => [id, randomBytes(32)])),
  };
}

/** The same keys with another one active. */
export function activated(keys: Keys, activeId: string): Keys {
  return { ...keys, activeId };
}

export function contentOf(keys: Keys): Content {
  return contentWith(createKeyRing(keys));
}

export function contentWith(keyRing: KeyRing): Content {
  return new Content({ keyRing, module: undefined });
}

/** Of a process that has no key. */
export function plainContent(): Content {
  return new Content({ keyRing: undefined, module: undefined });
}

export function encrypted(store: Store, keys: Keys = newKeys("k1")): Store {
  return encryptStore(store, contentOf(keys));
}
