/** What a consumer of the Redis queue tells that it can take. */
import { beforeEach, describe, expect, it } from "vitest";
import { Credit } from "../../src/queue/redis/credit.ts";

let credit: Credit;

beforeEach(() => {
  credit = new Credit(4);
});

function receive(count: number): void {
  for (let done = 0; done < count; done++) credit.received();
}

describe("the credit of a consumer", () => {
  it("counts from its beginning: what was received, and one for each call that waits", () => {
    expect(credit.now(3, 0, 0)).toBe(3);
    receive(2);
    expect(credit.now(1, 2, 0)).toBe(3);
  });

  it("is never more than the prefetch leaves", () => {
    receive(3);
    expect(credit.now(4, 3, 0)).toBe(4);
    expect(credit.now(4, 4, 0)).toBe(4 - 1);
  });

  it("has a call that was promised, until it comes", () => {
    credit.called();
    credit.tell(4);
    receive(4);
    expect(credit.promise(0)).toBe(true);
    expect([credit.sent, credit.now(0, 0, 0)]).toEqual([5, 5]);
    credit.called();
    expect(credit.now(1, 0, 0)).toBe(5);
  });

  it("is not more for what came before the call it was promised to", () => {
    credit.called();
    credit.tell(4);
    receive(4);
    credit.promise(0);
    receive(1);
    expect(credit.now(0, 0, 1)).toBe(5);
    expect(credit.awaitedCount).toBe(1);
  });

  it("is as before when a promise is broken, however often it is made again", () => {
    credit.called();
    credit.tell(4);
    receive(4);
    for (let again = 0; again < 3; again++) {
      expect(credit.promise(0)).toBe(true);
      credit.breakPromise();
    }
    expect([credit.sent, credit.now(0, 0, 0), credit.awaitedCount]).toEqual([4, 4, 0]);
  });

  it("promises nothing while most calls wait, nor once they are given up", () => {
    credit.called();
    credit.tell(4);
    expect(credit.promise(2)).toBe(false);
    receive(4);
    credit.ends();
    expect(credit.promise(0)).toBe(false);
  });
});
