/**
 * The keys file: JSON with keys of 32 bytes by id, in base64, and the id of the one that encrypts. It
 * is read again when it changes; a file that is wrong by then leaves the keys as they are.
 */
import { readFileSync, statSync } from "node:fs";
import { z } from "zod";
import { invalidField } from "../errors.ts";
import { fileVersion } from "../file-version.ts";
import { KEY_BYTES, MAX_KEY_ID_BYTES } from "./envelope.ts";
import type { Keys } from "./key-ring.ts";

/** Each is tried for an idempotency key that is known under another digest. */
const MAX_KEYS = 16;
const READ_INTERVAL_MS = 2000;
/** Writable by others than its owner, or readable by everybody. */
const LOOSE_MODE = 0o026;

const keyId = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, "must be of letters, digits, '.', '_' and '-'")
  .max(MAX_KEY_ID_BYTES);

const secret = z
  .base64()
  .transform((text) => Buffer.from(text, "base64"))
  .refine((bytes) => bytes.length === KEY_BYTES, `must be ${KEY_BYTES} bytes`);

const keysFile = z
  .strictObject({ active: keyId, keys: z.record(keyId, secret) })
  .refine(({ active, keys }) => Object.hasOwn(keys, active), {
    path: ["active"],
    message: "must be the id of one of the keys",
  })
  .refine(({ keys }) => Object.keys(keys).length <= MAX_KEYS, {
    path: ["keys"],
    message: `must be ${MAX_KEYS} at most`,
  })
  .refine(({ keys }) => isDistinct(Object.values(keys)), {
    path: ["keys"],
    message: "must be different: a key under two ids protects nothing that the first did not",
  });

/** Throws `invalid_argument` that names PAYLOAD_KEYS_FILE, and never shows what a key is. */
export function readPayloadKeys(path: string): Keys {
  const { data, error } = keysFile.safeParse(parseJson(path));
  if (error) throw unusable(path, error.issues.map(problemOf).join("; "));
  return { activeId: data.active, secrets: new Map(Object.entries(data.keys)) };
}

/** Undefined = nobody else has a say in it. */
export function permissionProblem(path: string): string | undefined {
  const mode = statSync(path).mode & 0o777;
  if ((mode & LOOSE_MODE) === 0) return undefined;
  return `PAYLOAD_KEYS_FILE ${path} has mode ${mode.toString(8)}: others than this process's user can read or write it; chmod 600 it`;
}

/**
 * Reads the file again when it has changed, every two seconds at most; and once at the start, as it may
 * have changed since it was read. `onReload` is not told of that.
 */
export function keysFileChore(
  path: string,
  use: (keys: Keys) => void,
  onReload: (keys: Keys) => void,
) {
  let version: string | undefined;
  return {
    name: "payload-keys-file",
    intervalMs: READ_INTERVAL_MS,
    runsAtStart: true,
    async run(): Promise<void> {
      const found = await fileVersion(path);
      if (found === version) return;
      const isFirst = version === undefined;
      // Also of a file that is wrong: it is told once, not with every look.
      version = found;
      const keys = readPayloadKeys(path);
      use(keys);
      if (!isFirst) onReload(keys);
    },
  };
}

function isDistinct(secrets: readonly Buffer[]): boolean {
  return new Set(secrets.map((bytes) => bytes.toString("base64"))).size === secrets.length;
}

/** JSON.parse quotes the text it fails at, which here is a key. */
function parseJson(path: string): unknown {
  let text = "";
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw unusable(path, error instanceof Error ? error.message : String(error));
  }
  try {
    return JSON.parse(text);
  } catch {
    throw unusable(path, "it is not JSON");
  }
}

function problemOf({ path, message }: z.core.$ZodIssue): string {
  return path.length > 0 ? `${path.map(String).join(".")}: ${message}` : message;
}

function unusable(path: string, reason: string): Error {
  return invalidField("PAYLOAD_KEYS_FILE", `${path} cannot be used: ${reason}`);
}
