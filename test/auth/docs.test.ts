/** docs/authentication.md: each set-up is run as it is written, but for ports and files. */
import { execFile, spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { OpenAI } from "openai";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { AccessRole, connect } from "../../sdk/typescript/src/node.ts";
import { type ServingProcess, serve } from "../harness/process.ts";
import { createCertificates } from "../server/certificates.ts";
import { createIssuer, ISSUER } from "./tokens.ts";

vi.setConfig({ testTimeout: 180_000 });

const page = readFileSync(new URL("../../docs/authentication.md", import.meta.url), "utf8");
const hasGrpcurl = spawnSync("grpcurl", ["--version"]).status === 0;

/** The blocks of a language under a heading. */
function blocks(heading: string, language: string): string[] {
  const section = page.split(`## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  return [...section.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "gs"))].map(
    ([, block = ""]) => block,
  );
}

/** `A=1 B=2 agentlane serve` */
function serveVariables(block: string): Record<string, string> {
  const line = block.split("\n").find((each) => each.endsWith("agentlane serve")) ?? "";
  const pairs = [...line.matchAll(/([A-Z_]+)=(\S+)/g)];
  expect(pairs.length).toBeGreaterThan(0);
  return Object.fromEntries(pairs.map(([, name = "", value = ""]) => [name, value]));
}

let folder: string;
let server: ServingProcess | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "agentlane-auth-docs-"));
  const main = new URL("../../src/main.ts", import.meta.url).pathname;
  const path = join(folder, "agentlane");
  writeFileSync(path, `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
  chmodSync(path, 0o755);
});

afterEach(async () => {
  server?.kill("SIGTERM");
  await server?.exited;
  server = undefined;
  rmSync(folder, { recursive: true });
});

async function shell(commands: string, env: Record<string, string | undefined> = {}) {
  const options = {
    cwd: folder,
    env: { ...process.env, PATH: `${folder}:${process.env.PATH}`, ...env },
  };
  const address = server?.address ?? "";
  const script = `set -e; ${commands.replaceAll("localhost:50051", address)}`;
  return promisify(execFile)("bash", ["-c", script], options);
}

const turn = { agentId: "echo", text: "hello" };

async function refusesEverybody(): Promise<void> {
  const client = connect(`http://${server?.address}`);
  await expect(client.execute(turn)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  client.close();
}

async function bootstrapped(block: string, env: Record<string, string> = {}) {
  const lines = block.split("\n").filter((line) => line.startsWith("export "));
  const { stdout } = await shell(`${lines.join("\n")}\necho $AGENTLANE_API_KEY`, env);
  return stdout.trim();
}

test("API keys in a store, made, listed, used and revoked", async () => {
  const [inStore = "", , use = ""] = blocks("API keys", "sh");
  const storeUrl = `sqlite:${join(folder, "agentlane.db")}`;
  const key = await bootstrapped(inStore);
  expect(key).toMatch(/^al_[0-9a-f]{16}_/);
  server = await serve([], { ...serveVariables(inStore), STORE_URL: storeUrl });
  await refusesEverybody();
  const env = { AGENTLANE_URL: `http://${server.address}`, AGENTLANE_API_KEY: key };
  const lines = use.split("\n").filter((line) => hasGrpcurl || !line.startsWith("grpcurl"));
  const { stdout } = await shell(lines.join("\n"), env);
  expect(stdout).toContain("billing");
  expect(stdout).toContain('"text":"hello"');
  if (hasGrpcurl) expect(stdout).toContain('"text": "hello"');
  expect(stdout).toContain("revoked ");
  const revoked = readFileSync(join(folder, "billing.key"), "utf8").trim();
  const client = connect(`http://${server.address}`, { apiKey: revoked });
  await expect(client.execute(turn)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  client.close();
  // The store's file holds no secret.
  expect(readFileSync(join(folder, "agentlane.db")).includes(revoked.slice(-43))).toBe(false);
  const owned = shell("agentlane keys bootstrap --name second --role admin", {
    STORE_URL: storeUrl,
  });
  await expect(owned).rejects.toThrow(/process/);
});

test("API keys in a file, where nothing else lasts", async () => {
  const [, inFile = ""] = blocks("API keys", "sh");
  const key = await bootstrapped(inFile);
  const file = join(folder, "keys.json");
  expect(readFileSync(file, "utf8")).not.toContain(key.slice(-43));
  server = await serve([], { ...serveVariables(inFile), API_KEYS_FILE: file });
  await refusesEverybody();
  const admin = connect(`http://${server.address}`, { apiKey: key });
  const made = await admin.admin.createApiKey({
    name: "app",
    tenant: "acme",
    roles: [AccessRole.SUBMIT, AccessRole.READ],
  });
  await expect(admin.execute(turn)).rejects.toMatchObject({ code: "PERMISSION_DENIED" });
  admin.close();
  const client = connect(`http://${server.address}`, { apiKey: made.token });
  expect((await client.execute(turn)).text).toBe("hello");
  client.close();
  const openai = new OpenAI({ apiKey: made.token, baseURL: `http://${server.address}/v1` });
  const messages = [{ role: "user" as const, content: "hello" }];
  const completion = await openai.chat.completions.create({ model: "echo", messages });
  expect(completion.choices[0]?.message.content).toBe("hello");
  const stranger = new OpenAI({ apiKey: "no", baseURL: `http://${server.address}/v1` });
  await expect(stranger.models.list()).rejects.toMatchObject({ status: 401 });
  await expect(shell("agentlane keys bootstrap --name x --role admin")).rejects.toThrow(/--file/);
});

test("tokens of an issuer", async () => {
  const [block = ""] = blocks("JSON Web Tokens", "sh");
  const variables = serveVariables(block);
  expect(variables.JWT_ISSUER).toBe(ISSUER);
  const issuer = await createIssuer(Date.now());
  server = await serve([], { ...variables, JWT_JWKS: issuer.jwks });
  await refusesEverybody();
  const client = connect(`http://${server.address}`, { apiKey: await issuer.sign() });
  expect((await client.execute(turn)).text).toBe("hello");
  client.close();
  issuer.dispose();
});

test("client certificates", async () => {
  const [block = ""] = blocks("Client certificates", "sh");
  const [json = ""] = blocks("Client certificates", "json");
  const { ca, server: own, client } = createCertificates();
  const files = {
    "tls.crt": own.cert,
    "tls.key": own.key,
    "clients.crt": ca,
    "certificates.json": json,
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const paths = Object.entries(serveVariables(block)).map(([name, file]) => [
    name,
    join(folder, file),
  ]);
  server = await serve([], Object.fromEntries(paths));
  const known = connect(`https://${server.address}`, { tls: { ca, ...client } });
  expect((await known.execute(turn)).text).toBe("hello");
  await expect(known.execute({ ...turn, agentId: "demo" })).rejects.toMatchObject({
    code: "NOT_FOUND",
  });
  const { cert, key } = own;
  const unmapped = connect(`https://${server.address}`, { tls: { ca, cert, key } });
  await expect(unmapped.execute(turn)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  known.close();
  unmapped.close();
});

test("a module", async () => {
  const [block = ""] = blocks("A module of yours", "sh");
  const [module = ""] = blocks("A module of yours", "js");
  const path = join(folder, "authenticate.mjs");
  expect(serveVariables(block)).toEqual({ AUTH_MODULE: "./authenticate.mjs" });
  writeFileSync(path, module);
  server = await serve([], { AUTH_MODULE: path, INTERNAL_TOKEN: "open-sesame" });
  await refusesEverybody();
  const headers = { "x-internal-token": "open-sesame" };
  const client = connect(`http://${server.address}`, { headers });
  expect((await client.execute(turn)).text).toBe("hello");
  client.close();
});
