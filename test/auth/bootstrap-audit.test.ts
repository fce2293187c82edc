/** Keys that are made without a server are told to the audit log, as those are that a call makes. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { AccessRole } from "../../gen/agentlane/v1/admin_service_pb.js";
import { loadConfig } from "../../src/config.ts";
import { bootstrapKey } from "../../src/runtime-keys.ts";
import { run } from "../harness/process.ts";

const CANARY = "canary-4711";

let folder: string;
let path: string;
let storeUrl: string;
let keysFile: string;
let warnings: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "agentlane-bootstrap-"));
  path = join(folder, "audit.log");
  storeUrl = `sqlite:${join(folder, "agentlane.db")}`;
  keysFile = join(folder, "keys.json");
  warnings = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The key's token. */
async function bootstrapped(environment: Record<string, string>, file?: string): Promise<string> {
  const request = {
    ...{ name: CANARY, tenant: "acme", roles: [AccessRole.ADMIN], agentIds: [] },
    ...{ validForMs: undefined, createdBy: "bootstrap" },
  };
  const warn = (message: string): void => void warnings.push(message);
  return (await bootstrapKey(loadConfig(environment), request, file, warn)).token;
}

const inStore = (environment: Record<string, string>): Promise<string> =>
  bootstrapped({ STORE_URL: storeUrl, ...environment });
const inFile = (environment: Record<string, string>): Promise<string> =>
  bootstrapped(environment, keysFile);

function linesIn(text: string): Record<string, unknown>[] {
  const lines = text.split("\n").filter((line) => line.startsWith("{"));
  return lines.map((line) => JSON.parse(line));
}

function lineOf(token: string): object {
  return {
    audit: true,
    time: expect.stringMatching(/^\d{4}-.*Z$/),
    principal: { subject: `local:${userInfo().username}`, tenant: "", scheme: "local" },
    action: "key.create",
    call: "agentlane keys bootstrap",
    target: { tenant: "acme", keyId: token.split("_")[1] },
    result: "OK",
    peer: "",
  };
}

test.each([
  ["the store", inStore],
  ["a file", inFile],
])(
  "one in %s has its line, behind what is there, without its name and its secret",
  async (_, make) => {
    const tokens = [await make({ AUDIT_LOG: path }), await make({ AUDIT_LOG: path })];
    const text = readFileSync(path, "utf8");
    expect(linesIn(text)).toEqual(tokens.map(lineOf));
    for (const secret of [CANARY, ...tokens.map((token) => token.slice(-43))]) {
      expect(text).not.toContain(secret);
    }
    expect(warnings).toEqual([]);
  },
);

test("a refusal has its line, too", async () => {
  await expect(bootstrapped({ AUDIT_LOG: path })).rejects.toMatchObject({
    reason: "STORE_NOT_KEPT",
  });
  expect(linesIn(readFileSync(path, "utf8"))).toMatchObject([
    {
      ...{ action: "key.create", target: { tenant: "acme" } },
      ...{ result: "FAILED_PRECONDITION", reason: "STORE_NOT_KEPT" },
    },
  ]);
});

test("nothing is made where the log cannot be opened", async () => {
  const missing = join(folder, "missing", "audit.log");
  await expect(inFile({ AUDIT_LOG: missing })).rejects.toThrow(/AUDIT_LOG.*cannot be opened/);
  expect(existsSync(keysFile)).toBe(false);
});

test.runIf(existsSync("/dev/full"))("on a full disk the key is handed out, or not", async () => {
  expect(await inFile({ AUDIT_LOG: "/dev/full" })).toMatch(/^al_/);
  expect(warnings.join()).toContain("audit log");
  const refused = inFile({ AUDIT_LOG: "/dev/full", AUDIT_LOG_FAILURE: "refuse" });
  await expect(refused).rejects.toMatchObject({ reason: "AUDIT_UNAVAILABLE" });
});

test("standard output is the key's alone: lines for it go to standard error", async () => {
  const command = ["keys", "bootstrap", "--name", CANARY, "--role", "admin", "--tenant", "acme"];
  const environment = { API_KEYS: "true", STORE_URL: storeUrl };
  const { output, errors } = await run(command, environment);
  expect(output).toMatch(/^al_\S+\n$/);
  expect(linesIn(errors)).toEqual([lineOf(output.trim())]);
  const unaudited = await run(command, { ...environment, AUDIT_LOG: "off" });
  expect(linesIn(unaudited.errors)).toEqual([]);
});
