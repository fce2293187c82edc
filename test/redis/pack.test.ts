import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { unpack } from "../../src/redis/msgpack.ts";
import { packTexts } from "../../src/redis/pack.ts";

describe("packed arguments", () => {
  it("are read as they were written, numbers as texts", () => {
    const value = fc.oneof(
      fc.string({ unit: "binary" }).filter((text) => text.isWellFormed()),
      fc.integer(),
      fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    );
    fc.assert(
      fc.property(fc.array(value), (values) => {
        const texts = values.map((each) =>
          Buffer.from(typeof each === "number" ? `${each}` : each),
        );
        expect(unpack(packTexts(values))).toEqual(texts);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([0, 31, 32, 255, 256, 65_535, 65_536, 5_000_000])("may be %i bytes long", (length) => {
    const bytes = Buffer.alloc(length, "x");
    expect(unpack(packTexts([bytes, "end"]))).toEqual([bytes, Buffer.from("end")]);
  });
});
