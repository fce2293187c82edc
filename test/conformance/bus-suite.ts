/** What every adapter of the EventBus seam does. An adapter's test calls it with one line. */
import { equals } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Notice, NoticeSchema } from "../../gen/agentlane/store/v1/record_pb.js";
import { type EventBus, taskTopic, WORKERS_TOPIC } from "../../src/queue/contract.ts";
import { entriesNotice } from "../harness/builders.ts";
import { contentOf, newKeys } from "../harness/encryption.ts";
import { sealingBus } from "../harness/heard-store.ts";

/** A broker for one test. */
export interface BusFixture {
  /** A started bus; several share the broker where processes could. */
  make(): Promise<EventBus>;
  /** Resolves when `arrived` is true; a test fails by its time limit otherwise. */
  until(arrived: () => boolean): Promise<void>;
  /** Resolves when a notice published before would have arrived. */
  settle(): Promise<void>;
  dispose(): Promise<void>;
}

/** Twice: as it is, and with log entries that come sealed and are opened where they are heard. */
export function busConformance(name: string, makeFixture: () => Promise<BusFixture>): void {
  runSuite(name, makeFixture);
  runSuite(`${name}, encrypted`, async () => {
    const fixture = await makeFixture();
    const content = contentOf(newKeys("k1"));
    return { ...fixture, make: async () => sealingBus(await fixture.make(), content) };
  });
}

function runSuite(name: string, makeFixture: () => Promise<BusFixture>): void {
  describe(`${name} as an EventBus`, () => {
    const topic = taskTopic("default", "t1");
    let fixture: BusFixture;
    let bus: EventBus;

    beforeEach(async () => {
      fixture = await makeFixture();
      bus = await fixture.make();
    });
    afterEach(() => fixture.dispose());

    async function listen(on = topic): Promise<{ heard: Notice[]; close: () => void }> {
      const heard: Notice[] = [];
      const { close } = await bus.subscribe(on, (notice) => void heard.push(notice));
      return { heard, close };
    }

    it("brings a notice as it was published", async () => {
      const { heard } = await listen();
      const notice = entriesNotice("t1", 1, "hello", "world");
      bus.publish(topic, notice);
      await fixture.until(() => heard.length === 1);
      expect(heard[0] && equals(NoticeSchema, heard[0], notice)).toBe(true);
    });

    it("brings it to every subscriber of the topic", async () => {
      const first = await listen();
      const second = await listen();
      bus.publish(topic, entriesNotice("t1", 1, "hello"));
      await fixture.until(() => first.heard.length === 1 && second.heard.length === 1);
    });

    it("keeps topics apart", async () => {
      const other = await listen(taskTopic("default", "t2"));
      const tenant = await listen(taskTopic("other", "t1"));
      const workers = await listen(WORKERS_TOPIC);
      const mine = await listen();
      bus.publish(topic, entriesNotice("t1", 1, "hello"));
      await fixture.until(() => mine.heard.length === 1);
      await fixture.settle();
      expect([other, tenant, workers].map(({ heard }) => heard.length)).toEqual([0, 0, 0]);
    });

    it("keeps the order of one publisher", async () => {
      const { heard } = await listen();
      for (let sequence = 1; sequence <= 200; sequence++) {
        bus.publish(topic, entriesNotice("t1", sequence, `${sequence}`));
      }
      await fixture.until(() => heard.length === 200);
      const sequences = heard.map(({ kind }) => {
        return kind.case === "entries" ? kind.value.entries[0]?.sequence : undefined;
      });
      expect(sequences).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
    });

    it("is silent after the close of a subscription, which is idempotent", async () => {
      const closed = await listen();
      const open = await listen();
      closed.close();
      closed.close();
      bus.publish(topic, entriesNotice("t1", 1, "hello"));
      await fixture.until(() => open.heard.length === 1);
      await fixture.settle();
      expect(closed.heard).toHaveLength(0);
    });

    it("is silent when the close comes between publish and delivery", async () => {
      const { heard, close } = await listen();
      bus.publish(topic, entriesNotice("t1", 1, "hello"));
      close();
      await fixture.settle();
      expect(heard).toHaveLength(0);
    });

    it("does not call a listener inside publish", async () => {
      const { heard } = await listen();
      bus.publish(topic, entriesNotice("t1", 1, "hello"));
      expect(heard).toHaveLength(0);
      await fixture.until(() => heard.length === 1);
    });

    it("takes a publish that nobody hears", async () => {
      bus.publish(topic, entriesNotice("t1", 1, "hello"));
      await fixture.settle();
      const late = await listen();
      await fixture.settle();
      expect(late.heard).toHaveLength(0);
    });

    it("lets a listener subscribe, close and publish", async () => {
      const echoes = await listen(WORKERS_TOPIC);
      const subscription = await bus.subscribe(topic, (notice) => {
        subscription.close();
        bus.publish(WORKERS_TOPIC, notice);
      });
      bus.publish(topic, entriesNotice("t1", 1, "hello"));
      bus.publish(topic, entriesNotice("t1", 2, "again"));
      await fixture.until(() => echoes.heard.length === 1);
      await fixture.settle();
      expect(echoes.heard).toHaveLength(1);
    });

    it("never throws from publish, even when it is stopped", async () => {
      const { heard } = await listen();
      await bus.stop();
      await bus.stop();
      bus.publish(topic, entriesNotice("t1", 1, "hello"));
      await expect(bus.subscribe(topic, () => undefined)).rejects.toMatchObject({
        kind: "unavailable",
      });
      await fixture.settle();
      expect(heard).toHaveLength(0);
    });

    it("works again after a stop and a start", async () => {
      await bus.stop();
      await bus.start();
      await bus.start();
      const { heard } = await listen();
      bus.publish(topic, entriesNotice("t1", 1, "hello"));
      await fixture.until(() => heard.length === 1);
    });
  });
}
