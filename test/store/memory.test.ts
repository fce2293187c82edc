import { describe, expect, it } from "vitest";
import { createMemoryStore, type MemoryStoreOptions } from "../../src/store/memory/store.ts";
import { Scene } from "../conformance/store/scene.ts";
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

async function sceneWith(options: Partial<MemoryStoreOptions>): Promise<Scene> {
  const clock = fakeClock();
  const store = createMemoryStore({ clock, ...options });
  const scene = new Scene();
  await scene.open({
    unitMs: 1,
    ringsItself: false,
    make: async () => store,
    advance: (byMs) => clock.advance(byMs),
    dispose: async () => {},
  });
  return scene;
}

describe("the memory store is bounded", () => {
  it("by terminal tasks: the first that ended go first, dead letters last", async () => {
    const scene = await sceneWith({ maxEndedTasks: 2 });
    const failed = await scene.run();
    await scene.fail(failed);
    const first = await scene.run();
    await scene.complete(first);
    const second = await scene.run();
    await scene.complete(second);
    await expect(scene.get(first.lease)).rejects.toMatchObject({ kind: "not_found" });
    await scene.get(second.lease);
    await scene.get(failed.lease);
  });

  it("by events of terminal tasks: the oldest logs go, their tasks stay", async () => {
    const scene = await sceneWith({ maxEndedEvents: 5 });
    const first = await scene.run();
    await scene.complete(first);
    const second = await scene.run();
    await scene.complete(second);
    expect(await scene.store.log.read(first.lease, 0, 10)).toMatchObject({
      entries: [],
      firstSequence: 4,
    });
    expect(await scene.entries(second.lease)).toHaveLength(3);
    await scene.get(first.lease);
  });
});
