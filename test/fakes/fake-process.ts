import { type Clock, sleepOn, type Timer } from "../../src/clock.ts";

export type ProcessState = "running" | "frozen" | "dead";

/** An operating system process as its parts see it: it may stand still for a while, or be gone. */
export interface FakeProcess {
  readonly name: string;
  /** The world's clock; its timers wait while the process is frozen and never fire once it is dead. */
  readonly clock: Clock;
  readonly state: ProcessState;
  /** How often it was frozen. */
  readonly freezeCount: number;
  /** Resolves while the process runs, later when it is frozen, never when it is dead. */
  turn(): Promise<void>;
  freeze(): void;
  thaw(): void;
  kill(): void;
  /** What the operating system and its peers do when it dies: connections end. */
  onKill(cleanUp: () => void): void;
}

export function fakeProcess(name: string, world: Clock): FakeProcess {
  const timers = new Set<Timer>();
  const held: (() => void)[] = [];
  const cleanUps: (() => void)[] = [];
  let state: ProcessState = "running";
  let freezeCount = 0;

  const run = (callback: () => void): void => {
    if (state === "running") callback();
    else if (state === "frozen") held.push(callback);
  };
  const clock: Clock = {
    now: world.now,
    monotonic: world.monotonic,
    setTimer(delayMs, callback) {
      if (state === "dead") return { clear: () => undefined };
      let cleared = false;
      const fire = (): void => {
        if (cleared) return;
        timers.delete(timer);
        callback();
      };
      const inner = world.setTimer(delayMs, () => run(fire));
      const timer: Timer = {
        clear() {
          cleared = true;
          inner.clear();
          timers.delete(timer);
        },
      };
      timers.add(timer);
      return timer;
    },
    sleep: (delayMs, signal) => sleepOn(clock, delayMs, signal),
  };

  return {
    name,
    clock,
    get state() {
      return state;
    },
    get freezeCount() {
      return freezeCount;
    },
    turn() {
      if (state === "running") return Promise.resolve();
      return new Promise((resolve) => run(resolve));
    },
    freeze() {
      if (state !== "running") return;
      state = "frozen";
      freezeCount++;
    },
    thaw() {
      if (state !== "frozen") return;
      state = "running";
      for (const callback of held.splice(0)) callback();
    },
    kill() {
      if (state === "dead") return;
      state = "dead";
      held.length = 0;
      for (const timer of [...timers]) timer.clear();
      for (const cleanUp of cleanUps.splice(0)) cleanUp();
    },
    onKill(cleanUp) {
      if (state === "dead") cleanUp();
      else cleanUps.push(cleanUp);
    },
  };
}
