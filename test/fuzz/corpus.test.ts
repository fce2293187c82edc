/** The kept corpus through every target, whole, cut off, and with bytes changed. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Fuzz } from "./expectations.ts";

const HERE = new URL(".", import.meta.url);
const targets = readdirSync(new URL("targets", HERE)).map((file) => file.replace(/\.ts$/, ""));
const CHANGES = [0x00, 0xff, 0x22, 0x7b, 0x5b, 0x80];

function* variantsOf(seed: Buffer): Generator<Buffer> {
  yield seed;
  const step = Math.max(1, Math.floor(seed.length / 8));
  for (let at = 0; at < seed.length; at += step) {
    yield seed.subarray(0, at);
    const changed = Buffer.from(seed);
    changed[at] = CHANGES[at % CHANGES.length] ?? 0;
    yield changed;
    yield Buffer.concat([seed.subarray(0, at), seed]);
  }
}

describe.each(targets)("%s", (target) => {
  test("takes or refuses what has been found", { timeout: 120_000 }, async () => {
    const { fuzz }: { fuzz: Fuzz } = await import(`./targets/${target}.ts`);
    const folder = new URL(`corpus/${target}/`, HERE);
    const seeds = readdirSync(folder);
    expect(seeds.length).toBeGreaterThan(0);
    for (const file of seeds) {
      for (const data of variantsOf(readFileSync(new URL(file, folder)))) await fuzz(data);
    }
  });
});
