/** What every adapter of the MessageQueue seam does. An adapter's test calls it with one line. */
import { afterEach, beforeEach, describe } from "vitest";
import { deliveryCases } from "./queue/delivery-cases.ts";
import { lifeCases } from "./queue/life-cases.ts";
import { type QueueFixture, QueueScene } from "./queue/scene.ts";

export function queueConformance(name: string, makeFixture: () => Promise<QueueFixture>): void {
  describe(`${name} as a MessageQueue`, () => {
    const scene = new QueueScene();
    beforeEach(async () => scene.open(await makeFixture()));
    afterEach(() => scene.close());

    deliveryCases(scene);
    lifeCases(scene);
  });
}
