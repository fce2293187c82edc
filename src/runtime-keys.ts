/** A first API key, made without a server: in the store, or in a file (API_KEYS_FILE). */
import { createApiKeys, makeApiKey, type NewApiKey } from "./auth/api-keys.ts";
import { addToKeysFile } from "./auth/keys-file.ts";
import { systemClock } from "./clock.ts";
import type { Config } from "./config.ts";
import { withKeptStore } from "./runtime-store.ts";

/** Answers the token, and where it counts from now on. */
export async function bootstrapKey(
  config: Config,
  request: NewApiKey,
  file: string | undefined,
  onWarning: (message: string) => void,
): Promise<{ token: string; note: string }> {
  if (file !== undefined) {
    const { record, token } = makeApiKey(request, systemClock.now());
    await addToKeysFile(file, record);
    return { token, note: `its hash is in ${file}: serve with API_KEYS_FILE=${file}` };
  }
  const instead = "name a file instead (--file), and serve with API_KEYS_FILE";
  return withKeptStore(config, { onWarning, instead }, async ({ credentials, type }) => {
    const keys = createApiKeys({ credentials, clock: systemClock, onRevoked: () => undefined });
    const { token } = await keys.create(request);
    return { token, note: `its hash is in the store (${type}): serve with API_KEYS=true` };
  });
}
