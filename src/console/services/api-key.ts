/** The user's API key: for this tab, until it is closed. */
import { type Observable, observable } from "./observable.ts";

const STORAGE_KEY = "agentlane.api-key";

/** Empty = none. */
export type ApiKey = Observable<string>;

export function createApiKey(storage: Storage): ApiKey {
  const key = observable(storage.getItem(STORAGE_KEY) ?? "");
  key.subscribe(() => {
    if (key.get() === "") storage.removeItem(STORAGE_KEY);
    else storage.setItem(STORAGE_KEY, key.get());
  });
  return key;
}
