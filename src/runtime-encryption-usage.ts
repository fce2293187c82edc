/** Which sessions of a tenant still need which key: straight from the store, and without a server. */
import type { Config } from "./config.ts";
import { keyIdIn } from "./encryption/key-usage.ts";
import { withKeptStore } from "./runtime-store.ts";
import type { Store } from "./store/contract.ts";

/** Contexts that are in memory at once. */
const PAGE_SIZE = 50;

export interface UsageParts {
  readonly tenant: string;
  readonly onWarning: (message: string) => void;
  readonly onProgress: (sessionCount: number) => void;
}

/** Sessions by key id; "" = not encrypted. */
export async function encryptionUsage(
  config: Config,
  { tenant, onWarning, onProgress }: UsageParts,
): Promise<ReadonlyMap<string, number>> {
  const instead = "there is nothing to count (STORE_URL)";
  return withKeptStore(config, { onWarning, instead }, (store) =>
    countSessions(store, tenant, onProgress),
  );
}

async function countSessions(
  { sessions }: Store,
  tenant: string,
  onProgress: (sessionCount: number) => void,
): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  let sessionCount = 0;
  let token = "";
  do {
    const page = await sessions.list(tenant, {}, { size: PAGE_SIZE, token });
    const refs = page.items.map(({ agentId, sessionId }) => ({ tenant, agentId, sessionId }));
    const found = await Promise.all(refs.map((ref) => sessions.load(ref)));
    for (const stored of found) {
      // One that has gone meanwhile needs no key.
      if (!stored) continue;
      const keyId = keyIdIn(stored.context);
      counts.set(keyId, (counts.get(keyId) ?? 0) + 1);
      sessionCount += 1;
    }
    onProgress(sessionCount);
    token = page.nextToken;
  } while (token !== "");
  return counts;
}
