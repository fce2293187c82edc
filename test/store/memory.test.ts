import { expect } from "vitest";
import { createMemoryStore } from "../../src/store/memory/store.ts";
import { storeConformance } from "../conformance/store-suite.ts";
import { fakeClock } from "../fakes/fake-clock.ts";

storeConformance("the memory store", async () => {
  const clock = fakeClock();
  const store = createMemoryStore({ clock });
  return {
    unitMs: 1000,
    ringsItself: false,
    async make() {
      await store.start();
      return store;
    },
    advance: (byMs) => clock.advance(byMs),
    async dispose() {
      await store.stop();
      expect(clock.timerCount).toBe(0);
    },
  };
});
