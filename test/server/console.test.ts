import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { loadConfig } from "../../src/config.ts";
import { type ConsoleFiles, loadConsole } from "../../src/server/console-files.ts";
import { startTestServer, type TestServer } from "./test-server.ts";

const PAGE = '<!doctype html><script type="module" src="/console/assets/main-1a2b.js"></script>';
const SCRIPT = `${"console.log('hello');".repeat(100)}\n`;

let folder: string;
let files: ConsoleFiles | undefined;
let server: TestServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "agentlane-console-"));
  await mkdir(join(folder, "assets"));
  await writeFile(join(folder, "index.html"), PAGE);
  await writeFile(join(folder, "secret.txt"), "not for the network");
  await writeFile(join(folder, "assets", "main-1a2b.js"), SCRIPT);
  await writeFile(join(folder, "assets", "main-1a2b.css"), "body{}");
  files = await loadConsole(folder);
  server = await startTestServer({ parts: { webConsole: { files } } });
});
afterAll(async () => {
  await server.server.stop();
  await rm(folder, { recursive: true });
});

const get = (path: string, init: RequestInit = {}) => fetch(`${server.url}${path}`, init);

/** A path as it is: fetch would resolve its dots. */
function statusOf(path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ port: server.port, host: "127.0.0.1", path }, (response) => {
      let body = "";
      response.on("data", (chunk) => (body += chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
    sent.on("error", reject);
    sent.end();
  });
}

test.each(["/console", "/console/", "/console/tasks/1", "/console/sessions/a/b?x=1"])(
  "%s is the page, asked for each time",
  async (path) => {
    const response = await get(path);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(PAGE);
    expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(response.headers.get("cache-control")).toBe("no-cache");
  },
);

test("files are kept for ever, zipped where the client takes it", async () => {
  const response = await get("/console/assets/main-1a2b.js");
  expect(response.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
  expect(response.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
  expect(response.headers.get("content-encoding")).toBe("gzip");
  expect(response.headers.get("vary")).toBe("accept-encoding");
  expect(await response.text()).toBe(SCRIPT);
  const asset = files?.assets.get("main-1a2b.js");
  expect(gunzipSync(asset?.gzipped ?? "").toString()).toBe(SCRIPT);
  for (const encoding of ["identity", "br", "gzip;q=0"]) {
    const plain = await get("/console/assets/main-1a2b.js", {
      headers: { "accept-encoding": encoding },
    });
    expect(plain.headers.get("content-encoding")).toBe(null);
    expect(Number(plain.headers.get("content-length"))).toBe(SCRIPT.length);
  }
});

test("what has not changed is 304", async () => {
  for (const path of ["/console", "/console/assets/main-1a2b.css"]) {
    const etag = (await get(path)).headers.get("etag") ?? "";
    expect(etag).toMatch(/^W\/"[\w-]{22}"$/);
    for (const header of [etag, etag.slice(2), `"other", ${etag}`, "*"]) {
      const response = await get(path, { headers: { "if-none-match": header } });
      expect([response.status, await response.text()]).toEqual([304, ""]);
      expect(response.headers.get("etag")).toBe(etag);
    }
    expect((await get(path, { headers: { "if-none-match": '"other"' } })).status).toBe(200);
  }
});

test("HEAD has everything but the body", async () => {
  const response = await get("/console", {
    method: "HEAD",
    headers: { "accept-encoding": "identity" },
  });
  expect(response.headers.get("content-length")).toBe(String(PAGE.length));
  expect(await response.text()).toBe("");
});

test("is only read", async () => {
  const response = await get("/console", { method: "POST" });
  expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
});

test.each([
  "/console/assets/../secret.txt",
  "/console/assets/../../package.json",
  "/console/assets/%2e%2e/secret.txt",
  "/console/assets/..%2fsecret.txt",
  "/console/assets//etc/passwd",
  "/console/assets/nothing.js",
  "/console/assets/",
])("%s is no file", async (path) => {
  const { status, body } = await statusOf(path);
  expect(status).toBe(404);
  expect(body).not.toContain("not for the network");
});

test("a path beside the folder of files is the page, never a file", async () => {
  expect((await statusOf("/console/secret.txt")).body).toBe(PAGE);
  expect((await statusOf("/consoles")).status).toBe(404);
});

test.each(["/console", "/console/assets/main-1a2b.js", "/console/assets/nothing.js"])(
  "%s is safe to open",
  async (path) => {
    const { headers } = await get(path);
    const policy = headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|\*|https?:/);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
  },
);

test("says what to do when it has not been built", async () => {
  const missing = await loadConsole(join(folder, "nothing"));
  expect(missing).toBeUndefined();
  const other = await startTestServer({ parts: { webConsole: { files: missing } } });
  const response = await fetch(`${other.url}/console/tasks`);
  expect(response.status).toBe(503);
  expect(await response.text()).toContain("npm run build:console");
  await other.server.stop();
});

test("is not there when it is off", async () => {
  const other = await startTestServer();
  expect((await fetch(`${other.url}/console`)).status).toBe(404);
  await other.server.stop();
});

test("files are told apart by their content", () => {
  const etag = createHash("sha256").update(PAGE).digest("base64url").slice(0, 22);
  expect(files?.index.etag).toBe(`W/"${etag}"`);
});

test("CONSOLE: on where only this machine can call, off elsewhere, or as it says", () => {
  const tls = { TLS_CERT: "a.crt", TLS_KEY: "a.key", TLS_CLIENT_CA: "ca.crt" };
  expect(loadConfig({}).webConsole).toBe(true);
  expect(loadConfig({ CONSOLE: "false" }).webConsole).toBe(false);
  expect(loadConfig({ HOST: "0.0.0.0", ...tls }).webConsole).toBe(false);
  expect(loadConfig({ HOST: "0.0.0.0", CONSOLE: "true", ...tls }).webConsole).toBe(true);
  expect(() => loadConfig({ CONSOLE: "yes" })).toThrow("CONSOLE=yes: must be true or false");
});
