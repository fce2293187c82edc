import type { Clock } from "../../src/clock.ts";
import type { EventBus } from "../../src/queue/contract.ts";
import type { FakeProcess } from "./fake-process.ts";

/** What a process's next notices meet. */
export interface BusFaults {
  loseCount: number;
  doubleCount: number;
  /** How long every notice takes; later ones never overtake. */
  delayMs: number;
}

/** The bus as one process reaches it. `world`: the clock of the network. */
export function faultBus(
  inner: EventBus,
  process: FakeProcess,
  world: Clock,
  faults: BusFaults,
): EventBus {
  let lastArrivalAt = 0;
  let onItsWayCount = 0;
  return {
    type: inner.type,
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    publish(topic, notice) {
      if (process.state === "dead") return;
      if (faults.loseCount > 0) {
        faults.loseCount--;
        return;
      }
      const copies = faults.doubleCount > 0 ? 2 : 1;
      faults.doubleCount = Math.max(0, faults.doubleCount - 1);
      const arrivalAt = Math.max(lastArrivalAt, world.monotonic() + faults.delayMs);
      lastArrivalAt = arrivalAt;
      const send = (): void => {
        for (let copy = 0; copy < copies; copy++) inner.publish(topic, notice);
      };
      if (arrivalAt <= world.monotonic() && onItsWayCount === 0) {
        send();
        return;
      }
      onItsWayCount++;
      world.setTimer(arrivalAt - world.monotonic(), () => {
        onItsWayCount--;
        send();
      });
    },
    async subscribe(topic, listener) {
      const subscription = await inner.subscribe(topic, (notice) => {
        if (process.state === "running") listener(notice);
        else void process.turn().then(() => listener(notice));
      });
      process.onKill(() => subscription.close());
      return subscription;
    },
  };
}
