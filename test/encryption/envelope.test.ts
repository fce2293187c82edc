import { randomBytes, randomInt } from "node:crypto";
import { expect, test } from "vitest";
import { placeOf } from "../../src/encryption/contract.ts";
import { readEnvelope } from "../../src/encryption/envelope.ts";
import { createKeyRing } from "../../src/encryption/key-ring.ts";
import { activated, newKeys } from "../harness/encryption.ts";

const PLACE = placeOf("request", "acme", "t1");
const CONTENT = Buffer.from("what is the answer?");
const FORGED = { kind: "data_loss", reason: "CONTENT_NOT_AUTHENTIC" };

test("comes back as it was, whatever it is", async () => {
  const ring = createKeyRing(newKeys("k1"));
  for (let round = 0; round < 500; round++) {
    const content = randomBytes(round < 100 ? round : randomInt(100_000));
    const place = placeOf("event", `tenant${round}`, randomBytes(8).toString("hex"), round);
    const sealed = await ring.seal(content, place);
    expect(Buffer.from(await ring.open(sealed, place)).equals(content), `${round}`).toBe(true);
  }
});

test("costs 48 bytes with an id of two, and never looks the same", async () => {
  const ring = createKeyRing(newKeys("k1"));
  const sealed = await ring.seal(CONTENT, PLACE);
  expect(sealed.length - CONTENT.length).toBe(48);
  const others = await Promise.all(Array.from({ length: 100 }, () => ring.seal(CONTENT, PLACE)));
  const bodies = [sealed, ...others].map((each) => readEnvelope(each).body.toString("hex"));
  expect(new Set(bodies).size).toBe(101);
  expect(Buffer.from(sealed).includes("answer")).toBe(false);
});

test("is refused after the change of any bit, and cut anywhere", async () => {
  const ring = createKeyRing(newKeys("k1"));
  const sealed = Buffer.from(await ring.seal(CONTENT, PLACE));
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const forged = Buffer.from(sealed);
    forged.writeUInt8(forged.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    // A bit of the key's id makes it another key's, which is as good a refusal.
    const reason = /^(CONTENT_NOT_AUTHENTIC|ENCRYPTION_KEY_UNKNOWN)$/;
    const opened = ring.open(forged, PLACE);
    await expect(opened, `bit ${bit}`).rejects.toMatchObject({
      reason: expect.stringMatching(reason),
    });
  }
  for (let length = 0; length < sealed.length; length++) {
    await expect(ring.open(sealed.subarray(0, length), PLACE)).rejects.toMatchObject(FORGED);
  }
});

test.each([
  ["another kind", placeOf("result", "acme", "t1")],
  ["another tenant", placeOf("request", "umbrella", "t1")],
  ["another task", placeOf("request", "acme", "t2")],
  ["names that are put together alike", placeOf("request", 'acme","t1')],
  ["no name", placeOf("request", "acme")],
])("does not open at %s", async (_, place) => {
  const ring = createKeyRing(newKeys("k1"));
  await expect(ring.open(await ring.seal(CONTENT, PLACE), place)).rejects.toMatchObject(FORGED);
});

test("does not open with another key of the same name", async () => {
  const sealed = await createKeyRing(newKeys("k1")).seal(CONTENT, PLACE);
  const opened = createKeyRing(newKeys("k1")).open(sealed, PLACE);
  await expect(opened).rejects.toMatchObject(FORGED);
});

test("is sealed with the active key and opened with any", async () => {
  const keys = newKeys("old", "new");
  const before = createKeyRing(keys);
  const after = createKeyRing(activated(keys, "new"));
  const [first, second] = [await before.seal(CONTENT, PLACE), await after.seal(CONTENT, PLACE)];
  expect([first, second].map((each) => readEnvelope(each).keyId)).toEqual(["old", "new"]);
  for (const ring of [before, after]) {
    for (const sealed of [first, second]) {
      expect(Buffer.from(await ring.open(sealed, PLACE)).equals(CONTENT)).toBe(true);
    }
  }
});

test("a ring takes other keys while it is used", async () => {
  const keys = newKeys("old", "new");
  const ring = createKeyRing(keys);
  const first = await ring.seal(CONTENT, PLACE);
  ring.use(activated(keys, "new"));
  expect(readEnvelope(await ring.seal(CONTENT, PLACE)).keyId).toBe("new");
  expect(Buffer.from(await ring.open(first, PLACE)).equals(CONTENT)).toBe(true);
  ring.use(newKeys("new"));
  await expect(ring.open(first, PLACE)).rejects.toMatchObject({ metadata: { key_id: "old" } });
});

test("an unknown key is named, the content is not", async () => {
  const sealed = await createKeyRing(newKeys("2026-11")).seal(CONTENT, PLACE);
  const opened = createKeyRing(newKeys("k1")).open(sealed, PLACE);
  await expect(opened).rejects.toMatchObject({
    kind: "failed_precondition",
    reason: "ENCRYPTION_KEY_UNKNOWN",
    message: 'content is encrypted with key "2026-11", which this process does not have',
    retryable: true,
    retryAfterMs: 30_000,
  });
});

test("a data key is used for so many contents and no more", async () => {
  const ring = createKeyRing(newKeys("k1"), 3);
  const salts: string[] = [];
  for (let count = 0; count < 7; count++) {
    const sealed = await ring.seal(CONTENT, PLACE);
    salts.push(readEnvelope(sealed).salt.toString("hex"));
    expect(Buffer.from(await ring.open(sealed, PLACE)).equals(CONTENT)).toBe(true);
  }
  expect(new Set(salts).size).toBe(3);
  expect([salts[0] === salts[2], salts[2] === salts[3]]).toEqual([true, false]);
});

test("processes do not share a data key", async () => {
  const keys = newKeys("k1");
  const sealed = await Promise.all(
    [createKeyRing(keys), createKeyRing(keys)].map((ring) => ring.seal(CONTENT, PLACE)),
  );
  expect(new Set(sealed.map((each) => readEnvelope(each).salt.toString("hex"))).size).toBe(2);
});

test("fingerprints are equal for who has the key, the active key's first", async () => {
  const keys = newKeys("old", "new");
  const [oldest, newest] = await createKeyRing(keys).fingerprints("text");
  const rotated = createKeyRing(activated(keys, "new"));
  expect(await rotated.fingerprints("text")).toEqual([newest, oldest]);
  expect(await createKeyRing(newKeys("old")).fingerprints("text")).not.toContain(oldest);
});
