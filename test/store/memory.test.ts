import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import {
  createState,
  type MemoryState,
  type TaskEntry,
  type TenantTable,
} from "../../src/store/memory/state.ts";
import {
  createMemoryStore,
  type MemoryStoreOptions,
  storeOn,
} from "../../src/store/memory/store.ts";
import { Scene } from "../conformance/store/scene.ts";
import { storeConformance } from "../conformance/store-suite.ts";
import { fakeClock } from "../fakes/fake-clock.ts";

storeConformance("the memory store", async () => {
  const clock = fakeClock();
  const state = createState(clock, { maxEndedTasks: 100_000, maxEndedEvents: 1_000_000 });
  const store = storeOn(state);
  return {
    unitMs: 1000,
    ringsItself: false,
    async make() {
      await store.start();
      return store;
    },
    advance: (byMs) => clock.advance(byMs),
    async dump() {
      const keys = await store.credentials.list(undefined, { size: 100, token: "" });
      return [...recordsIn(state), ...keys.items.map((key) => inspect(key, { depth: null }))];
    },
    async dispose() {
      await store.stop();
      expect(clock.timerCount).toBe(0);
    },
  };
});

function shown(name: string, value: unknown): string {
  return `${name} ${inspect(value, { depth: null, maxArrayLength: null, maxStringLength: null })}`;
}

/** What tenants have, and every member of the indexes over all of them. */
function recordsIn(state: MemoryState): string[] {
  const everything = Number.POSITIVE_INFINITY;
  const taskIds = (entries: Iterable<TaskEntry>): string[] =>
    Array.from(entries, ({ table, task }) => `${table.tenant} ${task.taskId}`);
  const indexes = {
    leases: taskIds(state.leases.allDue(everything, 1000)),
    retries: taskIds(state.retries.allDue(everything, 1000)),
    deadlines: taskIds(state.deadlines.allDue(everything, 1000)),
    keys: state.keys.allDue(everything, 1000).map(({ key }) => key),
    unpublished: taskIds(state.unpublished.forward()),
    keptLogs: [...taskIds(state.keptLogs.forward()), `${state.keptEventCount}`],
    ended: taskIds(state.ended.forward()),
    dead: taskIds(state.dead.forward()),
    ready: [...state.queues.values()].flatMap(({ ready }) => taskIds(ready)),
    closed: [...state.closed].map(([tenant]) => tenant),
  };
  return [
    ...[...state.tenants.values()].flatMap(recordsOf),
    ...Object.entries(indexes).flatMap(([name, members]) =>
      members.map((member) => `${name} ${member}`),
    ),
    shown("figures", state.counter),
  ];
}

function recordsOf({ tenant, tasks, sessions, keys, account }: TenantTable): string[] {
  return [
    ...Array.from(tasks.values(), ({ task, submitted, log }) =>
      shown(`task of ${tenant}`, { task, submitted, log }),
    ),
    ...Array.from(sessions.values(), ({ key, context, lane }) =>
      shown(`session of ${tenant}`, { key, context, laneSize: lane.size }),
    ),
    ...Array.from(keys.keys(), (key) => `key of ${tenant} ${key}`),
    shown(`account of ${tenant}`, account && { ...account, lines: [...account.lines.keys()] }),
  ];
}

async function sceneWith(options: Partial<MemoryStoreOptions>): Promise<Scene> {
  const clock = fakeClock();
  const store = createMemoryStore({ clock, ...options });
  const scene = new Scene();
  await scene.open({
    unitMs: 1,
    ringsItself: false,
    make: async () => store,
    advance: (byMs) => clock.advance(byMs),
    dump: async () => [],
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
