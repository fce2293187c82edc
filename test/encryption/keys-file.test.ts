import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  keysFileChore,
  permissionProblem,
  readPayloadKeys,
} from "../../src/encryption/keys-file.ts";

const KEY = randomBytes(32).toString("base64");
const OTHER = randomBytes(32).toString("base64");
let folder = "";
let path = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "agentlane-keys-"));
  path = join(folder, "keys.json");
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(content: unknown): void {
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
}

test("names the active key and has all of them", () => {
  write({ active: "2026-12", keys: { "2026-11": KEY, "2026-12": OTHER } });
  const { activeId, secrets } = readPayloadKeys(path);
  expect([activeId, [...secrets.keys()]]).toEqual(["2026-12", ["2026-11", "2026-12"]]);
  expect(Buffer.from(secrets.get("2026-11") ?? []).toString("base64")).toBe(KEY);
});

test.each([
  ["no JSON", `{"keys": ${KEY}`, "it is not JSON"],
  ["no keys", { active: "a", keys: {} }, "active: must be the id of one of the keys"],
  ["another active key", { active: "b", keys: { a: KEY } }, "active: must be the id of one"],
  ["none that is active", { keys: { a: KEY } }, "active:"],
  ["a short key", { active: "a", keys: { a: "c2hvcnQ=" } }, "keys.a: must be 32 bytes"],
  ["a key that is no base64", { active: "a", keys: { a: "secret!" } }, "keys.a:"],
  ["an id that logs could not show", { active: "a b", keys: { "a b": KEY } }, "letters, digits"],
  ["one key twice", { active: "a", keys: { a: KEY, b: KEY } }, "keys: must be different"],
  ["a misspelled name", { active: "a", keys: { a: KEY }, actve: "a" }, "actve"],
])("refuses %s, and shows no key", (_, content, problem) => {
  write(content);
  let message = "";
  try {
    readPayloadKeys(path);
  } catch (error) {
    message = String(error);
  }
  expect(message).toContain(`PAYLOAD_KEYS_FILE: ${path} cannot be used: `);
  expect(message).toContain(problem);
  for (const secret of [KEY, OTHER, "c2hvcnQ=", "secret!"]) expect(message).not.toContain(secret);
});

test("says where there is none", () => {
  expect(() => readPayloadKeys(join(folder, "none.json"))).toThrow(/PAYLOAD_KEYS_FILE.*ENOENT/);
});

test.each([
  [0o600, false],
  [0o440, false],
  [0o644, true],
  [0o620, true],
])("with mode %o others have a say: %s", (mode, isLoose) => {
  write({ active: "a", keys: { a: KEY } });
  chmodSync(path, mode);
  expect(permissionProblem(path) !== undefined).toBe(isLoose);
});

test("is read again when it has changed, and kept when it has become wrong", async () => {
  write({ active: "a", keys: { a: KEY } });
  const active: string[] = [];
  const told: string[] = [];
  const chore = keysFileChore(
    path,
    ({ activeId }) => active.push(activeId),
    ({ activeId }) => told.push(activeId),
  );
  // It may have changed since the process has read it.
  await chore.run();
  await chore.run();
  expect(active).toEqual(["a"]);
  write({ active: "bb", keys: { a: KEY, bb: OTHER } });
  await chore.run();
  write("broken");
  await expect(chore.run()).rejects.toThrow(/PAYLOAD_KEYS_FILE/);
  await chore.run();
  expect(active).toEqual(["a", "bb"]);
  expect(told).toEqual(["bb"]);
});
