import { expect, it } from "vitest";
import { watchReader } from "../../src/server/stalled-reader.ts";
import { fakeClock } from "../fakes/fake-clock.ts";

function watched() {
  const clock = fakeClock();
  let resets = 0;
  let close = (): void => undefined;
  const reader = watchReader(clock, 1000, {
    onClose: (callback) => {
      close = callback;
    },
    reset: () => {
      resets++;
      close();
    },
  });
  return { clock, reader, close: () => close(), resets: () => resets };
}

it("a reader that takes nothing is gone after at most twice the limit", async () => {
  const { clock, reader, resets } = watched();
  reader.offered();
  await clock.advance(999);
  expect(resets()).toBe(0);
  await clock.advance(1001);
  expect(resets()).toBe(1);
  expect(clock.timerCount).toBe(0);
});

it("a reader that takes something now and then stays", async () => {
  const { clock, reader, resets } = watched();
  for (let round = 0; round < 5; round++) {
    reader.offered();
    await clock.advance(900);
    reader.took();
  }
  expect(resets()).toBe(0);
});

it("a stream with nothing to offer stays, however long", async () => {
  const { clock, reader, resets, close } = watched();
  reader.offered();
  reader.took();
  await clock.advance(1_000_000);
  expect(resets()).toBe(0);
  close();
  expect(clock.timerCount).toBe(0);
});
