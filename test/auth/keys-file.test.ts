import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AccessRole } from "../../gen/agentlane/v1/admin_service_pb.js";
import { makeApiKey } from "../../src/auth/api-keys.ts";
import { addToKeysFile, readKeysFile } from "../../src/auth/keys-file.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "agentlane-keys-"));
  path = join(folder, "keys.json");
});
afterEach(() => rmSync(folder, { recursive: true }));

const newKey = () =>
  makeApiKey(
    {
      ...{ name: "first", tenant: "acme", roles: [AccessRole.ADMIN], agentIds: [] },
      ...{ validForMs: 1000, createdBy: "test" },
    },
    1_900_000_000_000,
  );

test("keys are read as they were added, and nobody else may read them", async () => {
  const [first, second] = [newKey(), newKey()];
  await addToKeysFile(path, first.record);
  await addToKeysFile(path, second.record);
  expect([...(await readKeysFile(path)).values()]).toEqual([first.record, second.record]);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const text = readFileSync(path, "utf8");
  for (const { token } of [first, second]) expect(text).not.toContain(token.slice(-43));
});

test.each([
  ["no JSON", "{", /JSON/],
  ["another shape", '{"key":[]}', /keys/],
  ["a key that is none", '{"keys":[{"key":{"keyId":"a","tenant":"b"}}]}', /keys\[0\].*secretHash/],
  ["a field that there is not", '{"keys":[{"secret":"x"}]}', /keys\[0\]/],
  ["a number", '{"keys":[7]}', /keys\[0\]/],
])("%s is refused, and stays as it is", async (_, text, reason) => {
  writeFileSync(path, text);
  const read = readKeysFile(path);
  await expect(read).rejects.toMatchObject({ kind: "invalid_argument" });
  await expect(read).rejects.toThrow(reason);
  await expect(addToKeysFile(path, newKey().record)).rejects.toThrow(/API_KEYS_FILE/);
  expect(readFileSync(path, "utf8")).toBe(text);
});

test("a file that is not there is no empty one", async () => {
  await expect(readKeysFile(path)).rejects.toThrow(/API_KEYS_FILE.*ENOENT/);
});
