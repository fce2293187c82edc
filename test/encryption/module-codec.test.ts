import { createCipheriv, createDecipheriv, createHmac, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { Content } from "../../src/encryption/content.ts";
import { placeOf } from "../../src/encryption/contract.ts";
import { createKeyRing } from "../../src/encryption/key-ring.ts";
import { createModuleCodec } from "../../src/encryption/module-codec.ts";
import { fakeClock } from "../fakes/fake-clock.ts";
import { executionContext, TENANT } from "../harness/builders.ts";
import { contentWith, newKeys, plainContent } from "../harness/encryption.ts";

const PLACE = placeOf("request", "acme", "t1");
const CONTENT = Buffer.from("hello");

/** What docs/encryption.md shows, and slower. */
function moduleOf(key = randomBytes(32)) {
  return {
    async encode(content: Uint8Array, place: Uint8Array) {
      await Promise.resolve();
      const nonce = randomBytes(12);
      const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(place);
      return Buffer.concat([nonce, cipher.update(content), cipher.final(), cipher.getAuthTag()]);
    },
    decode(sealed: Uint8Array, place: Uint8Array) {
      const cipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, 12)).setAAD(place);
      cipher.setAuthTag(sealed.subarray(-16));
      return Buffer.concat([cipher.update(sealed.subarray(12, -16)), cipher.final()]);
    },
    fingerprints: (text: string) => [createHmac("sha256", key).update(text).digest("hex")],
  };
}

const codecOf = (module: object, clock = fakeClock()) =>
  createModuleCodec(module, "./codec.js", clock);

test("encrypts by the module, bound to the place", async () => {
  const codec = codecOf(moduleOf());
  const sealed = await codec.seal(CONTENT, PLACE);
  expect(Buffer.from(sealed).includes("hello")).toBe(false);
  expect(Buffer.from(await codec.open(sealed, PLACE)).equals(CONTENT)).toBe(true);
  const elsewhere = codec.open(sealed, placeOf("request", "acme", "t2"));
  await expect(elsewhere).rejects.toMatchObject({ reason: "PAYLOAD_CODEC_FAILED" });
});

test("opens what the keys file has sealed, and the other way round", async () => {
  const keyRing = createKeyRing(newKeys("k1"));
  const module = codecOf(moduleOf());
  const [before, between] = [contentWith(keyRing), new Content({ keyRing, module })];
  const context = executionContext({ metadata: { note: "kept" } });
  const ref = { ...context, tenant: TENANT };
  const first = await before.sealSession(ref, context);
  const second = await between.sealSession(ref, context);
  for (const sealed of [first, second]) {
    expect((await between.openSession(ref, sealed)).metadata).toEqual({ note: "kept" });
  }
  await expect(before.openSession(ref, second)).rejects.toMatchObject({
    reason: "ENCRYPTION_NOT_CONFIGURED",
  });
  await expect(plainContent().openSession(ref, first)).rejects.toMatchObject({
    reason: "ENCRYPTION_NOT_CONFIGURED",
  });
  expect(await between.digests(TENANT, "d")).toHaveLength(3);
});

test.each([["encode"], ["decode"], ["fingerprints"]])("is refused without %s", (name) => {
  const { [name]: _, ...rest }: Record<string, unknown> = moduleOf();
  expect(() => codecOf(rest)).toThrow(/PAYLOAD_CODEC_MODULE: .\/codec.js must export/);
});

test.each([
  ["throws", () => Promise.reject(new Error("the KMS is away"))],
  ["answers a text", () => "hello"],
  ["answers nothing", () => undefined],
])("a module that %s is a failure that may pass", async (_, decode) => {
  const codec = codecOf({ ...moduleOf(), decode });
  const opened = codec.open(await codec.seal(CONTENT, PLACE), PLACE);
  await expect(opened).rejects.toMatchObject({
    kind: "failed_precondition",
    reason: "PAYLOAD_CODEC_FAILED",
    retryable: true,
    retryAfterMs: 30_000,
  });
});

test("a module can say that content is forged", async () => {
  const decode = () => {
    const error = new Error("tag");
    error.name = "NotAuthentic";
    throw error;
  };
  const codec = codecOf({ ...moduleOf(), decode });
  const opened = codec.open(await codec.seal(CONTENT, PLACE), PLACE);
  await expect(opened).rejects.toMatchObject({ kind: "data_loss" });
});

test("a module that does not answer is waited for ten seconds", async () => {
  const clock = fakeClock();
  const codec = codecOf({ ...moduleOf(), encode: () => new Promise(() => undefined) }, clock);
  const sealed = codec.seal(CONTENT, PLACE);
  const refused = expect(sealed).rejects.toMatchObject({ reason: "PAYLOAD_CODEC_FAILED" });
  await clock.advance(10_000);
  await refused;
  expect(clock.timerCount).toBe(0);
});
