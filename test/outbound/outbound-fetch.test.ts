/** Requests that the program makes itself: nobody outside decides where they go. */
import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { createOutboundFetch, type OutboundOptions } from "../../src/outbound-fetch.ts";
import type { Address } from "../../src/outbound-policy.ts";

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

interface Listening {
  readonly port: number;
  /** Paths and hosts asked for. */
  readonly requests: string[];
}

async function listen(answer: RequestListener): Promise<Listening> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.headers.host}${request.url}`);
    answer(request, response);
  });
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return { port: typeof address === "object" && address ? address.port : 0, requests };
}

function fetchFor(configured: string, options: Partial<OutboundOptions> = {}) {
  return createOutboundFetch({ clock: systemClock, allowed: [], ...options })(new URL(configured));
}

/** Answers one list of addresses after the other. */
function resolving(...answers: string[][]): () => Promise<Address[]> {
  return async () => {
    const next = answers.length > 1 ? answers.shift() : answers[0];
    return (next ?? []).map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
  };
}

const BLOCKED = { kind: "permission_denied", reason: "OUTBOUND_ADDRESS_BLOCKED", retryable: false };

describe("a public name", () => {
  test.each([
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "169.254.170.2",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:a9fe:a9fe",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2001::1",
    "fe80::1",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "fec0::1",
  ])("that leads to %s is refused", async (address) => {
    const fetch = fetchFor("http://api.example.com", { resolve: resolving([address]) });
    await expect(fetch("http://api.example.com/")).rejects.toMatchObject(BLOCKED);
    // One bad address among good ones is enough.
    const mixed = fetchFor("http://api.example.com", { resolve: resolving(["8.8.8.8", address]) });
    await expect(mixed("http://api.example.com/")).rejects.toMatchObject(BLOCKED);
  });

  test("is not told where it led", async () => {
    const fetch = fetchFor("http://api.example.com", { resolve: resolving(["10.1.2.3"]) });
    await expect(fetch("http://api.example.com/")).rejects.toSatisfy(
      (error: Error) => !error.message.includes("10.1.2.3"),
    );
  });

  test.each([["api.example.com"], ["127.0.0.0/8"], ["127.0.0.1"]])(
    "is fetched where %s is allowed",
    async (entry) => {
      const { port, requests } = await listen((_, response) => response.end("hello"));
      const resolve = resolving(["127.0.0.1"]);
      const fetch = fetchFor("http://api.example.com", { resolve, allowed: [entry] });
      const response = await fetch(`http://api.example.com:${port}/a`);
      expect(await response.text()).toBe("hello");
      // By its name: the address is where the connection goes, not whom it asks.
      expect(requests).toEqual([`api.example.com:${port}/a`]);
    },
  );

  test("that answers otherwise the second time is asked once: what was checked is connected to", async () => {
    const { port, requests } = await listen((_, response) => response.end("inside"));
    let asked = 0;
    const answers = resolving(["127.0.0.1"], ["127.0.0.2"]);
    const resolve = () => {
      asked++;
      return answers();
    };
    const fetch = fetchFor("http://rebind.example.com", { resolve, allowed: ["127.0.0.1"] });
    expect(await (await fetch(`http://rebind.example.com:${port}/`)).text()).toBe("inside");
    expect(asked).toBe(1);
    await expect(fetch(`http://rebind.example.com:${port}/`)).rejects.toMatchObject(BLOCKED);
    expect(requests).toHaveLength(1);
  });
});

describe("what the operator has configured", () => {
  test.each(["127.0.0.1", "localhost", "mcp", "tools.internal", "mcp.local"])(
    "%s may be inside",
    async (host) => {
      const { port } = await listen((_, response) => response.end("hello"));
      const fetch = fetchFor(`http://${host}:${port}`, { resolve: resolving(["127.0.0.1"]) });
      expect(await (await fetch(`http://${host}:${port}/`)).text()).toBe("hello");
    },
  );

  test("does not open the inside to another host", async () => {
    const fetch = fetchFor("http://localhost:1", { resolve: resolving(["127.0.0.1"]) });
    await expect(fetch("http://127.0.0.1:2/")).rejects.toMatchObject(BLOCKED);
    await expect(fetch("http://elsewhere/")).rejects.toMatchObject(BLOCKED);
  });

  test.each(["http://169.254.169.254/", "http://[fe80::1]/", "http://metadata.google.internal/"])(
    "is never the metadata of a cloud: %s",
    async (url) => {
      const fetch = fetchFor(url, { resolve: resolving(["169.254.169.254"]) });
      await expect(fetch(url)).rejects.toMatchObject(BLOCKED);
    },
  );

  test.each([
    "http://0x7f.1/",
    "http://2130706433/",
    "http://127.1/",
    "http://[::ffff:7f00:1]/",
    "http://localhost./",
  ])("no other spelling of an address gets by: %s", async (url) => {
    const fetch = fetchFor("http://api.example.com", { resolve: resolving(["127.0.0.1"]) });
    await expect(fetch(url)).rejects.toMatchObject(BLOCKED);
  });
});

describe("a redirect", () => {
  test("is not followed, and each step that a caller takes is checked", async () => {
    const secret = await listen((_, response) => response.end("credentials"));
    const { port } = await listen((_, response) => {
      response
        .writeHead(307, { location: `http://127.0.0.1:${secret.port}/latest/meta-data` })
        .end();
    });
    const fetch = fetchFor(`http://localhost:${port}`);
    await expect(fetch(`http://localhost:${port}/`)).rejects.toMatchObject({
      reason: "OUTBOUND_REDIRECT",
    });
    const response = await fetch(`http://localhost:${port}/`, { redirect: "manual" });
    expect(response.status).toBe(307);
    const next = response.headers.get("location") ?? "";
    await expect(fetch(next)).rejects.toMatchObject(BLOCKED);
    expect(secret.requests).toEqual([]);
  });

  test("to another scheme is refused", async () => {
    const fetch = fetchFor("http://localhost");
    for (const url of ["file:///etc/passwd", "ftp://localhost/", "gopher://localhost/"]) {
      await expect(fetch(url)).rejects.toMatchObject({ reason: "OUTBOUND_SCHEME_BLOCKED" });
    }
  });
});

describe("a reply", () => {
  test("that does not end is cut off", async () => {
    const { port } = await listen((_, response) => {
      const write = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(16_384)));
      };
      response.on("drain", write);
      write();
    });
    const fetch = fetchFor(`http://localhost:${port}`, { maxResponseBytes: 100_000 });
    const response = await fetch(`http://localhost:${port}/`);
    await expect(response.arrayBuffer()).rejects.toMatchObject({ reason: "OUTBOUND_TOO_LARGE" });
  });

  test("that does not begin is given up", async () => {
    const { port } = await listen(() => undefined);
    const fetch = fetchFor(`http://localhost:${port}`, { headerTimeoutMs: 50 });
    await expect(fetch(`http://localhost:${port}/`)).rejects.toMatchObject({
      reason: "OUTBOUND_TIMEOUT",
    });
  });

  test("that is compressed is not inflated", async () => {
    const { port } = await listen((_, response) => {
      response.writeHead(200, { "content-encoding": "gzip" }).end(Buffer.from([0x1f, 0x8b, 8]));
    });
    const fetch = fetchFor(`http://localhost:${port}`);
    const bytes = await (await fetch(`http://localhost:${port}/`)).arrayBuffer();
    expect([...new Uint8Array(bytes)]).toEqual([0x1f, 0x8b, 8]);
  });

  test("is let go when the caller aborts", async () => {
    const { port } = await listen((_, response) => void response.write("data: 1\n\n"));
    const controller = new AbortController();
    const fetch = fetchFor(`http://localhost:${port}`);
    const response = await fetch(`http://localhost:${port}/`, { signal: controller.signal });
    const read = response.text();
    controller.abort();
    await expect(read).rejects.toThrow();
  });
});
