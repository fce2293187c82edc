/**
 * AES-256-GCM under keys derived from those of the file. A sealed content is
 *   1 | length of the key's id (1) | key's id | salt (16) | nonce (12) | ciphertext | tag (16)
 * The data key is HKDF-SHA-256(key, salt). A process uses a salt of its own, and a new one after
 * MAX_SEALS, so no data key comes near the 2^32 random nonces that NIST SP 800-38D (8.3) allows,
 * however long a key of the file is used. What stands before the nonce is authenticated together with
 * the place.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { notAuthentic, unreadableEnvelope } from "./errors.ts";

/** First byte of what a key of the file has sealed. */
export const ENVELOPE = 1;
export const KEY_BYTES = 32;
export const MAX_KEY_ID_BYTES = 64;
/** Seals of one data key. */
export const MAX_SEALS = 2 ** 30;

const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const CIPHER = "aes-256-gcm";
const PURPOSE = "agentlane payload 1";

/** What a key of the file has been derived into, and the head of all that it seals. */
export interface DataKey {
  readonly head: Buffer;
  readonly key: Buffer;
}

export interface Parts {
  readonly keyId: string;
  readonly salt: Buffer;
  readonly head: Buffer;
  /** Nonce, ciphertext and tag. */
  readonly body: Buffer;
}

export function newDataKey(keyId: string, secret: Uint8Array): DataKey {
  const salt = randomBytes(SALT_BYTES);
  const id = Buffer.from(keyId);
  const head = Buffer.concat([Buffer.from([ENVELOPE, id.length]), id, salt]);
  return { head, key: deriveKey(secret, salt) };
}

export function deriveKey(secret: Uint8Array, salt: Uint8Array): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, salt, PURPOSE, KEY_BYTES));
}

export function sealWith({ head, key }: DataKey, content: Uint8Array, place: Uint8Array): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.concat([head, place]));
  return Buffer.concat([head, nonce, cipher.update(content), cipher.final(), cipher.getAuthTag()]);
}

export function openWith(key: Uint8Array, { keyId, head, body }: Parts, place: Uint8Array): Buffer {
  const end = body.length - TAG_BYTES;
  const nonce = body.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.concat([head, place]));
  decipher.setAuthTag(body.subarray(end));
  try {
    return Buffer.concat([decipher.update(body.subarray(NONCE_BYTES, end)), decipher.final()]);
  } catch {
    // The library's reason says nothing more.
    throw notAuthentic(keyId);
  }
}

export function readEnvelope(sealed: Uint8Array): Parts {
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.length);
  const idEnd = 2 + (bytes[1] ?? 0);
  const headEnd = idEnd + SALT_BYTES;
  const isWhole = bytes.length >= headEnd + NONCE_BYTES + TAG_BYTES;
  if (bytes[0] !== ENVELOPE || idEnd === 2 || !isWhole) throw unreadableEnvelope();
  return {
    keyId: bytes.toString("utf8", 2, idEnd),
    salt: bytes.subarray(idEnd, headEnd),
    head: bytes.subarray(0, headEnd),
    body: bytes.subarray(headEnd),
  };
}
