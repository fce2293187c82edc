/**
 * A codec of the operator's own: a module that exports `encode`, `decode` and `fingerprints`, for keys
 * that a KMS keeps. docs/encryption.md describes it.
 */
import { z } from "zod";
import type { Clock } from "../clock.ts";
import { AgentlaneError } from "../errors.ts";
import type { PayloadCodec } from "./contract.ts";
import { notAuthentic } from "./errors.ts";

/** First byte of what a module has sealed; the rest is the module's. */
export const MODULE_SCHEME = 2;

const KEY_NAME = "module";
const TIMEOUT_MS = 10_000;
const RETRY_MS = 30_000;
const MAX_FINGERPRINTS = 16;

const callable = <F>() => z.custom<F>((value) => typeof value === "function");
const moduleSchema = z.looseObject({
  encode: callable<(content: Uint8Array, place: Uint8Array) => unknown>(),
  decode: callable<(sealed: Uint8Array, place: Uint8Array) => unknown>(),
  fingerprints: callable<(text: string) => unknown>(),
});
const bytesSchema = z.instanceof(Uint8Array);
const fingerprintsSchema = z.array(z.string().min(16).max(256)).min(1).max(MAX_FINGERPRINTS);

/** `module` as it was imported, `path` as it was configured. */
export function createModuleCodec(module: unknown, path: string, clock: Clock): PayloadCodec {
  const { data, error } = moduleSchema.safeParse(module);
  if (error) {
    throw new AgentlaneError(
      "invalid_argument",
      "PAYLOAD_CODEC_MODULE_INVALID",
      `PAYLOAD_CODEC_MODULE: ${path} must export the functions "encode", "decode" and "fingerprints"`,
    );
  }
  const ask = async <T>(schema: z.ZodType<T>, what: string, call: () => unknown): Promise<T> => {
    const answer = schema.safeParse(await withinTime(call, what, clock));
    if (answer.error) throw broken(`${what} answered something else than it must`);
    return answer.data;
  };
  return {
    async seal(content, place) {
      const sealed = await ask(bytesSchema, "encode", () => data.encode(content, place));
      return Buffer.concat([Buffer.from([MODULE_SCHEME]), sealed]);
    },
    open: (sealed, place) =>
      ask(bytesSchema, "decode", () => data.decode(sealed.subarray(1), place)),
    fingerprints: (text) => ask(fingerprintsSchema, "fingerprints", () => data.fingerprints(text)),
  };
}

async function withinTime(call: () => unknown, what: string, clock: Clock): Promise<unknown> {
  const done = new AbortController();
  const late = clock.sleep(TIMEOUT_MS, done.signal).then(() => {
    throw broken(`${what} did not answer within ${TIMEOUT_MS} ms`);
  });
  const asked = Promise.resolve()
    .then(call)
    .catch((error: unknown) => {
      if (isNotAuthentic(error)) throw notAuthentic(KEY_NAME);
      throw broken(`${what} threw`, error);
    });
  try {
    return await Promise.race([asked, late]);
  } finally {
    done.abort();
  }
}

/** A module tells content that is not its own by an error of this name. */
function isNotAuthentic(error: unknown): boolean {
  return error instanceof Error && error.name === "NotAuthentic";
}

/** Not `unavailable`: who waits for the store in a loop must not ask a module that fast. */
function broken(what: string, cause?: unknown): AgentlaneError {
  const message = `the module of PAYLOAD_CODEC_MODULE failed: ${what}`;
  return new AgentlaneError("failed_precondition", "PAYLOAD_CODEC_FAILED", message, {
    retryable: true,
    retryAfterMs: RETRY_MS,
    cause,
  });
}
