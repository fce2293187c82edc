/**
 * Every RPC of the contract and every route of HTTP's own × every bad credential, in every protocol:
 * nobody passes. Made from the descriptors and the table, so that nothing new is forgotten.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AccessRole, AdminService } from "../../gen/agentlane/v1/admin_service_pb.js";
import { AgentService } from "../../gen/agentlane/v1/agent_service_pb.js";
import { OperationsService } from "../../gen/agentlane/v1/operations_service_pb.js";
import { SessionService } from "../../gen/agentlane/v1/session_service_pb.js";
import { TaskService } from "../../gen/agentlane/v1/task_service_pb.js";
import { type Clock, systemClock } from "../../src/clock.ts";
import { ACCESS, accessTo, actionOf, authorize, NOT_AUDITED } from "../../src/server/access.ts";
import { createRoutes } from "../../src/server/routes.ts";
import type { RpcMethod } from "../../src/server/rpc.ts";
import { ALL_ROLES, ANYBODY } from "../../src/tasks/principal.ts";
import { type AuthScene, authScene } from "../auth/scene.ts";
import { createIssuer, type TestIssuer } from "../auth/tokens.ts";
import { callGrpc, enveloped } from "./raw.ts";
import { fakeReadiness, fakeServices, startTestServer, type TestServer } from "./test-server.ts";

const CONTRACT = [AgentService, TaskService, SessionService, OperationsService, AdminService];
const OPEN = ["grpc.health.v1.Health/Check"];

/** Nobody is remembered, and nobody has failed too often: each call is decided anew. */
function leapingClock(): Clock {
  let leaps = 0;
  return { ...systemClock, monotonic: () => ++leaps * 3_600_000 };
}

const methods: RpcMethod[] = [
  ...createRoutes({ ...fakeServices(), readiness: fakeReadiness() }).values(),
];
const httpRoutes = Object.keys(ACCESS).filter((name) => /^(GET|POST) /.test(name));

/** What a call came to: a code in gRPC's spelling, "OK" where it was let through to an answer. */
type Outcome = string;
type Caller = (port: number, authorization: string | undefined) => Promise<Outcome>;

interface Way {
  readonly name: string;
  readonly access: ReturnType<typeof accessTo>;
  readonly call: Caller;
}

function rolesOf(access: Way["access"]): readonly AccessRole[] {
  return typeof access === "object" ? access : [];
}

function ways(): Way[] {
  const rpcs = methods.flatMap((method) =>
    PROTOCOLS.filter((protocol) => protocol.fits(method)).map((protocol) => ({
      name: `${protocol.name} ${method.name}`,
      access: accessTo(method.name),
      call: protocol.call(method),
    })),
  );
  const routes = httpRoutes.map((name) => ({
    name: `openai ${name}`,
    access: accessTo(name),
    call: openai(name),
  }));
  return [...rpcs, ...routes];
}

interface TestProtocol {
  readonly name: string;
  fits(method: RpcMethod): boolean;
  call(method: RpcMethod): Caller;
}

const isUnary = ({ kind }: RpcMethod): boolean => kind === "unary";
const isHttp1 = ({ kind }: RpcMethod): boolean => kind !== "bidi_streaming";

const PROTOCOLS: readonly TestProtocol[] = [
  {
    name: "grpc",
    fits: () => true,
    call:
      ({ path }) =>
      async (port, authorization) => {
        // What is let in may last for ever, as a watch does.
        const limit = { "grpc-timeout": "1S" };
        const headers = authorization === undefined ? limit : { ...limit, authorization };
        const { error } = await callGrpc(port, path, enveloped(Buffer.alloc(0)), headers);
        return error?.code ?? "OK";
      },
  },
  {
    name: "grpc-web",
    fits: isHttp1,
    call: ({ path }) => http(path, "application/grpc-web+proto", enveloped(Buffer.alloc(0))),
  },
  { name: "json", fits: isUnary, call: ({ path }) => http(path, "application/json", "{}") },
  { name: "proto", fits: isUnary, call: ({ path }) => http(path, "application/proto", "") },
  {
    name: "connect",
    fits: (method) => isHttp1(method) && !isUnary(method),
    call: ({ path }) => http(path, "application/connect+json", enveloped(Buffer.from("{}"))),
  },
];

function http(path: string, type: string, body: string | Buffer): Caller {
  return async (port, authorization) => {
    const stop = new AbortController();
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method: "POST",
      headers: { "content-type": type, ...(authorization !== undefined && { authorization }) },
      body: typeof body === "string" ? body : new Uint8Array(body),
      signal: stop.signal,
    });
    const status = response.headers.get("grpc-status");
    if (status !== null && status !== "0") return GRPC_CODES[Number(status)] ?? status;
    if (response.status === 401)
      expect(response.headers.get("www-authenticate")).toContain("Bearer");
    // A stream that has been let in may stay open: its first piece is enough.
    const { value } = (await response.body?.getReader().read()) ?? {};
    stop.abort();
    const text = Buffer.from(value ?? []).toString("latin1");
    const code = /"code":"([a-z_]+)"/.exec(text)?.[1]?.toUpperCase();
    const trailer = Number(/grpc-status: ?(\d+)/.exec(text)?.[1] ?? 0);
    return code ?? (trailer === 0 ? "OK" : (GRPC_CODES[trailer] ?? `${trailer}`));
  };
}

const GRPC_CODES: Readonly<Record<number, string>> = {
  7: "PERMISSION_DENIED",
  16: "UNAUTHENTICATED",
};

function openai(name: string): Caller {
  const [method = "", path = ""] = name.split(" ");
  return async (port, authorization) => {
    const response = await fetch(`http://127.0.0.1:${port}${path.replace("{model}", "echo")}`, {
      method,
      headers: {
        "content-type": "application/json",
        ...(authorization !== undefined && { authorization }),
      },
      ...(method === "POST" && { body: "{}" }),
    });
    await response.arrayBuffer();
    if (response.status === 401)
      expect(response.headers.get("www-authenticate")).toContain("Bearer");
    return { 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED" }[response.status] ?? "OK";
  };
}

let scene: AuthScene;
let issuer: TestIssuer;
let server: TestServer;

beforeAll(async () => {
  const clock = leapingClock();
  issuer = await createIssuer(clock.now());
  scene = authScene({ clock, jwt: { jwks: issuer.jwks } });
  server = await startTestServer({ parts: { authenticate: scene.authenticator.authenticate } });
});
afterAll(async () => {
  await server.server.stop();
  issuer.dispose();
});

async function badCredentials(): Promise<Record<string, string | undefined>> {
  const { token } = await scene.key();
  const revoked = await scene.key();
  await scene.apiKeys.revoke(revoked.keyId);
  const expired = await scene.key({ validForMs: -1 });
  const nowS = Math.floor(systemClock.now() / 1000);
  const stranger = await createIssuer(systemClock.now());
  const foreign = await stranger.sign();
  stranger.dispose();
  const bearers = {
    "unknown key": `al_0000000000000000_${token.slice(-43)}`,
    "wrong secret": `${token.slice(0, -43)}${"A".repeat(43)}`,
    "cut off key": token.slice(0, -1),
    "revoked key": revoked.token,
    "expired key": expired.token,
    "expired token": await issuer.sign({ exp: nowS - 31 }),
    "token that never expires": await issuer.sign({ exp: undefined }),
    "token of tomorrow": await issuer.sign({ nbf: nowS + 86_400 }),
    "wrong audience": await issuer.sign({ aud: "another" }),
    "no audience": await issuer.sign({ aud: undefined }),
    "wrong issuer": await issuer.sign({ iss: "https://login.example.org" }),
    "no tenant": await issuer.sign({ tenant: undefined }),
    "tenant that is none": await issuer.sign({ tenant: "a:b" }),
    "agents that cannot be read": await issuer.sign({ agents: 7 }),
    "alg none": issuer.unsigned(),
    "alg HS256 with the public key": await issuer.confused(),
    "foreign signature": foreign,
    "tampered claims": `${(await issuer.sign()).split(".")[0]}.${foreign.split(".")[1]}.x`,
    nonsense: "nonsense",
  };
  const values = Object.entries(bearers).map(([name, bearer]) => [name, `Bearer ${bearer}`]);
  return {
    ...Object.fromEntries(values),
    none: undefined,
    "empty bearer": "Bearer",
    "another scheme": `Basic ${Buffer.from(`key:${token}`).toString("base64")}`,
    "key without scheme": token,
  };
}

/** Runs many at once, but not all: each has a connection of its own. */
async function each<T>(items: readonly T[], run: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items];
  const work = async (): Promise<void> => {
    for (let next = rest.pop(); next !== undefined; next = rest.pop()) await run(next);
  };
  await Promise.all(Array.from({ length: 8 }, work));
}

describe("the table", () => {
  test("has an entry for every RPC that is served, and every RPC of the contract is served", () => {
    const names = methods.map(({ name }) => name);
    expect(names.filter((name) => accessTo(name) === undefined)).toEqual([]);
    const contract = CONTRACT.flatMap(({ typeName, methods: rpcs }) =>
      rpcs.map(({ name }) => `${typeName}/${name}`),
    );
    expect(contract.filter((name) => !names.includes(name))).toEqual([]);
    expect([...names, ...httpRoutes].sort()).toEqual(Object.keys(ACCESS).sort());
  });

  test.each(["agentlane.v1.TaskService/New", "GET /v1/new", "toString", "__proto__", ""])(
    "refuses everybody what is not in it: %s",
    (name) => {
      const refused = { kind: "permission_denied", reason: "ROLE_REQUIRED" };
      expect(() => authorize(ANYBODY, name)).toThrow(expect.objectContaining(refused));
    },
  );

  test("says of each whether it is audited: what tells no content and changes nothing is not", () => {
    const unaudited = Object.keys(ACCESS).filter((name) => actionOf(name) === NOT_AUDITED);
    expect(unaudited.filter((name) => name.startsWith("agentlane.") || / /.test(name))).toEqual([
      "agentlane.v1.SessionService/ListSessions",
      "agentlane.v1.SessionService/ListInstances",
      "agentlane.v1.OperationsService/GetTaskManagerStatus",
      "agentlane.v1.OperationsService/GetQueueStats",
      "agentlane.v1.OperationsService/GetFrameworkHealth",
      "agentlane.v1.OperationsService/ListWorkers",
      "agentlane.v1.OperationsService/GetTenantUsage",
      "agentlane.v1.OperationsService/ListAgents",
      "GET /v1/models",
      "GET /v1/models/{model}",
    ]);
    const actions = Object.values(ACCESS).map(({ audit }) => audit);
    expect(actions.filter((action) => !/^(none|[a-z]+\.[a-z]+)$/.test(action))).toEqual([]);
  });

  test("lets nobody in without credentials but to these", () => {
    const open = Object.keys(ACCESS).filter((name) => accessTo(name) === "open");
    expect(open).toEqual(OPEN);
  });
});

test("bad credentials pass nowhere", { timeout: 300_000 }, async () => {
  const passed: string[] = [];
  const credentials = Object.entries(await badCredentials());
  const closed = ways().filter(({ access }) => access !== "open");
  expect(closed.length).toBeGreaterThan(90);
  let callCount = 0;
  await each(closed, async ({ name, call }) => {
    for (const [kind, authorization] of credentials) {
      const outcome = await call(server.port, authorization);
      callCount += 1;
      if (outcome !== "UNAUTHENTICATED") passed.push(`${name} with ${kind}: ${outcome}`);
    }
  });
  expect(passed).toEqual([]);
  expect(callCount).toBe(closed.length * credentials.length);
});

test("all roles but those that a call needs do not open it", { timeout: 300_000 }, async () => {
  const passed: string[] = [];
  const limited = ways().filter(({ access }) => rolesOf(access).length > 0);
  await each(limited, async ({ name, access, call }) => {
    const roles = [...ALL_ROLES].filter((role) => !rolesOf(access).includes(role));
    const { token } = await scene.key({ roles });
    const outcomes = [
      await call(server.port, `Bearer ${token}`),
      await call(
        server.port,
        `Bearer ${await issuer.sign({ roles: roles.map((role) => AccessRole[role].toLowerCase()) })}`,
      ),
      await call(server.port, `Bearer ${await issuer.sign({ roles: undefined })}`),
      await call(server.port, `Bearer ${await issuer.sign({ roles: ["root", "ADMIN"] })}`),
    ];
    if (outcomes.some((outcome) => outcome !== "PERMISSION_DENIED")) {
      passed.push(`${name}: ${outcomes.join(", ")}`);
    }
  });
  expect(passed).toEqual([]);
});

test("each of the roles that a call needs opens it", { timeout: 300_000 }, async () => {
  const refused: string[] = [];
  await each(ways(), async ({ name, access, call }) => {
    const needed = rolesOf(access);
    for (const role of needed.length > 0 ? needed : [AccessRole.SUBMIT]) {
      const { token } = await scene.key({ roles: [role] });
      const jwt = await issuer.sign({ roles: AccessRole[role]?.toLowerCase() });
      for (const bearer of [token, jwt]) {
        const outcome = await call(server.port, `bearer ${bearer}`);
        if (["UNAUTHENTICATED", "PERMISSION_DENIED"].includes(outcome)) {
          refused.push(`${name} with ${AccessRole[role]}: ${outcome}`);
        }
      }
    }
  });
  expect(refused).toEqual([]);
});

test("the answer says the same whatever is wrong", async () => {
  const answers = new Set<string>();
  for (const authorization of Object.values(await badCredentials())) {
    const response = await fetch(`${server.url}/agentlane.v1.TaskService/GetTask`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(authorization !== undefined && { authorization }),
      },
      body: "{}",
    });
    answers.add(`${response.status} ${await response.text()}`);
  }
  expect([...answers]).toHaveLength(1);
  expect([...answers][0]).toContain("UNAUTHENTICATED");
});
