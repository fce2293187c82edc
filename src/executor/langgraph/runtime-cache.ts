/**
 * Runtimes by definition: built on first use, shared, and gone with their definition, so that
 * definitions that come with a request leave nothing behind.
 */
import type { AgentDefinition } from "../agent-definition.ts";
import { buildRuntime, type OwnedRuntime, type RuntimeParts } from "./build-runtime.ts";

export interface RuntimeCache {
  get(agent: AgentDefinition): Promise<OwnedRuntime>;
  /** Ends the connections of all runtimes; they are built anew when they are asked for again. */
  close(): Promise<void>;
}

export function createRuntimeCache(parts: Omit<RuntimeParts, "onLost">): RuntimeCache {
  let runtimes = new WeakMap<AgentDefinition, Promise<OwnedRuntime>>();
  const building = new Set<Promise<OwnedRuntime>>();
  /** Those that have connections to end. */
  const connected = new Set<OwnedRuntime>();

  const end = async (runtime: OwnedRuntime): Promise<void> => {
    connected.delete(runtime);
    await runtime.close?.();
  };

  return {
    get(agent) {
      const known = runtimes.get(agent);
      if (known) return known;
      const forget = (): void => {
        if (runtimes.get(agent) === promise) runtimes.delete(agent);
      };
      const onLost = (): void => {
        forget();
        void promise.then(end, forget);
      };
      const promise = buildRuntime(agent, { ...parts, onLost });
      runtimes.set(agent, promise);
      building.add(promise);
      void promise
        .then(
          (runtime) => {
            if (runtime.close) connected.add(runtime);
          },
          // A module or a server that failed may be there the next time.
          forget,
        )
        .finally(() => building.delete(promise));
      return promise;
    },
    async close() {
      runtimes = new WeakMap();
      await Promise.allSettled(building);
      await Promise.all([...connected].map(end));
    },
  };
}
