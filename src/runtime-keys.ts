/** A first API key, made without a server: in the store, or in a file (API_KEYS_FILE). */
import type { ApiKey } from "../gen/agentlane/v1/admin_service_pb.js";
import { createApiKeys, makeApiKey, type NewApiKey } from "./auth/api-keys.ts";
import { addToKeysFile } from "./auth/keys-file.ts";
import { systemClock } from "./clock.ts";
import type { Config } from "./config.ts";
import { audited } from "./runtime-audit.ts";
import { withKeptStore } from "./runtime-store.ts";

interface Bootstrapped {
  readonly token: string;
  /** Where it counts from now on. */
  readonly note: string;
}

/** Made as by CreateApiKey, and told to the audit log as that is. */
export function bootstrapKey(
  config: Config,
  request: NewApiKey,
  file: string | undefined,
  onWarning: (message: string) => void,
): Promise<Bootstrapped> {
  const target: Record<string, unknown> = { tenant: request.tenant };
  const command = { action: "key.create", call: "agentlane keys bootstrap", target, onWarning };
  return audited(config, command, async () => {
    const { key, ...made } = await (file === undefined
      ? makeInStore(config, request, onWarning)
      : makeInFile(request, file));
    target.keyId = key?.keyId;
    return made;
  });
}

type Made = Bootstrapped & { readonly key: ApiKey | undefined };

async function makeInFile(request: NewApiKey, file: string): Promise<Made> {
  const { record, token } = makeApiKey(request, systemClock.now());
  await addToKeysFile(file, record);
  const note = `its hash is in ${file}: serve with API_KEYS_FILE=${file}`;
  return { token, note, key: record.key };
}

function makeInStore(
  config: Config,
  request: NewApiKey,
  onWarning: (message: string) => void,
): Promise<Made> {
  const instead = "name a file instead (--file), and serve with API_KEYS_FILE";
  return withKeptStore(config, { onWarning, instead }, async ({ credentials, type }) => {
    const keys = createApiKeys({ credentials, clock: systemClock, onRevoked: () => undefined });
    const note = `its hash is in the store (${type}): serve with API_KEYS=true`;
    return { ...(await keys.create(request)), note };
  });
}
