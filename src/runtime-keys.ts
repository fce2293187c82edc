/** A first API key, made without a server: in the store, or in a file (API_KEYS_FILE). */
import { createApiKeys, makeApiKey, type NewApiKey } from "./auth/api-keys.ts";
import { addToKeysFile } from "./auth/keys-file.ts";
import { systemClock, systemRandom } from "./clock.ts";
import type { Config } from "./config.ts";
import { AgentlaneError } from "./errors.ts";
import { redisConnections, storeOf } from "./runtime-store.ts";

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
  if (config.store.type === "memory") {
    throw new AgentlaneError(
      "failed_precondition",
      "STORE_NOT_KEPT",
      "the store is memory, which ends with its process: name a file instead (--file), and serve with API_KEYS_FILE",
    );
  }
  const surroundings = { clock: systemClock, random: systemRandom, onWarning };
  const connectionTo = redisConnections(config, surroundings);
  const store = storeOf(config, { ...surroundings, connectionTo });
  await store.start();
  try {
    const { credentials } = store;
    const keys = createApiKeys({ credentials, clock: systemClock, onRevoked: () => undefined });
    const { token } = await keys.create(request);
    return { token, note: `its hash is in the store (${store.type}): serve with API_KEYS=true` };
  } finally {
    await store.stop();
  }
}
