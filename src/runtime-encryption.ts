/** The part of the composition root that knows how content is encrypted, as configured. */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Clock } from "./clock.ts";
import type { Config } from "./config.ts";
import { Content } from "./encryption/content.ts";
import type { PayloadCodec } from "./encryption/contract.ts";
import { createKeyRing, type KeyRing, type Keys } from "./encryption/key-ring.ts";
import { keysFileChore, permissionProblem, readPayloadKeys } from "./encryption/keys-file.ts";
import { createModuleCodec } from "./encryption/module-codec.ts";
import { invalidField } from "./errors.ts";

export interface Encryption {
  readonly content: Content;
  /** Reads a keys file again when it changes. */
  readonly chores: readonly ReturnType<typeof keysFileChore>[];
}

interface EncryptionParts {
  readonly clock: Clock;
  readonly onWarning: (message: string) => void;
  readonly onReload: (keys: Keys) => void;
}

/** Reads what the configuration names; throws `invalid_argument` for a bad one. */
export async function encryptionOf(
  { encryption: { keysFile, module } }: Pick<Config, "encryption">,
  { clock, onWarning, onReload }: EncryptionParts,
): Promise<Encryption> {
  let keyRing: KeyRing | undefined;
  const chores = [];
  if (keysFile !== undefined) {
    const ring = createKeyRing(readPayloadKeys(keysFile));
    keyRing = ring;
    const problem = permissionProblem(keysFile);
    if (problem) onWarning(problem);
    chores.push(keysFileChore(keysFile, (keys) => ring.use(keys), onReload));
  }
  const codec = module === undefined ? undefined : await moduleCodecOf(module, clock);
  return { content: new Content({ keyRing, module: codec }), chores };
}

async function moduleCodecOf(place: string, clock: Clock): Promise<PayloadCodec> {
  const imported: unknown = await import(pathToFileURL(resolve(place)).href).catch(
    (error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      throw invalidField("PAYLOAD_CODEC_MODULE", `${place} cannot be loaded: ${reason}`);
    },
  );
  return createModuleCodec(imported, place, clock);
}
