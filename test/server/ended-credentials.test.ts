/** Calls that outlast the credential that let them in: they end, the work that they began goes on. */
import { createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AgentService } from "../../gen/agentlane/v1/agent_service_pb.js";
import { Role } from "../../gen/agentlane/v1/content_pb.js";
import { TaskService } from "../../gen/agentlane/v1/task_service_pb.js";
import { Health } from "../../gen/grpc/health/v1/health_pb.js";
import { ServerReflection } from "../../gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as Alpha } from "../../gen/grpc/reflection/v1alpha/reflection_pb.js";
import { AgentlaneError, connect } from "../../sdk/typescript/src/node.ts";
import { createRoutes } from "../../src/server/routes.ts";
import { type AuthScene, authScene } from "../auth/scene.ts";
import { type FakeClock, fakeClock } from "../fakes/fake-clock.ts";
import { fakeServices, startTestServer, type TestServer } from "./test-server.ts";

let clock: FakeClock;
let scene: AuthScene;
let server: TestServer;
/** Of the key that the calls are made with. */
let key: { token: string; keyId: string };
let callCount = 0;

beforeEach(async () => {
  clock = fakeClock();
  scene = authScene({ clock });
  key = await scene.key({ validForMs: 3_600_000 });
  callCount = 0;
  const { authenticate } = scene.authenticator;
  server = await startTestServer({
    parts: {
      clock,
      authenticate: (approach) => {
        callCount += 1;
        return authenticate(approach);
      },
    },
  });
});
afterEach(async () => {
  await server.server.stop();
  expect([server.manager.watcherCount, server.readiness.listenerCount]).toEqual([0, 0]);
  expect(clock.timerCount).toBe(0);
});

const turn = {
  agentId: "hanging",
  messages: [{ role: Role.USER, content: [{ part: { case: "text", value: "hello" } as const }] }],
};

interface WireOptions {
  readonly headers: Record<string, string>;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

type Open = (transport: Transport, options: WireOptions) => AsyncIterable<unknown>;

/** A request that is never done answering, for each RPC that streams. */
const STREAMS: Readonly<Record<string, Open>> = {
  "agentlane.v1.AgentService/StreamExecute": (transport, options) =>
    createClient(AgentService, transport).streamExecute(turn, options),
  "agentlane.v1.TaskService/WatchTask": (transport, options) => watchOfNewTask(transport, options),
  "grpc.health.v1.Health/Watch": (transport, options) =>
    createClient(Health, transport).watch({ service: "" }, options),
  "grpc.reflection.v1.ServerReflection/ServerReflectionInfo": (transport, options) =>
    createClient(ServerReflection, transport).serverReflectionInfo(neverDone(), options),
  "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": (transport, options) =>
    createClient(Alpha, transport).serverReflectionInfo(neverDone(), options),
};

async function* watchOfNewTask(transport: Transport, options: WireOptions) {
  const tasks = createClient(TaskService, transport);
  const { task } = await tasks.submitTask(turn, options);
  yield* tasks.watchTask({ taskId: task?.taskId ?? "" }, options);
}

async function* neverDone() {
  yield { messageRequest: { case: "listServices", value: "" } as const };
  await new Promise<never>(() => undefined);
}

const TRANSPORTS: readonly (readonly [string, (baseUrl: string) => Transport])[] = [
  ["gRPC", (baseUrl) => createGrpcTransport({ baseUrl })],
  ["gRPC-web", (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "2" })],
  ["Connect", (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "2" })],
];

const withKey = (): WireOptions => ({ headers: { authorization: `Bearer ${key.token}` } });

/** Reads the first reply; `end` answers how the call ended, after which it has nothing more to say. */
async function opened(call: AsyncIterable<unknown>): Promise<{ end: Promise<unknown> }> {
  const replies = call[Symbol.asyncIterator]();
  expect((await replies.next()).done).toBe(false);
  return { end: endOf(replies) };
}

async function endOf(replies: AsyncIterator<unknown>): Promise<unknown> {
  for (;;) {
    try {
      if ((await replies.next()).done) return "OK";
    } catch (error) {
      return told(error);
    }
  }
}

function told(error: unknown): unknown {
  const { code, reason, message } = AgentlaneError.from(error);
  return { code, reason, message };
}

const revoked = {
  code: "UNAUTHENTICATED",
  reason: "CREDENTIALS_REVOKED",
  message: expect.stringContaining("no longer valid"),
};
const expired = {
  code: "UNAUTHENTICATED",
  reason: "CREDENTIALS_EXPIRED",
  message: expect.stringContaining("expired"),
};

test("every RPC that streams is among those below", () => {
  const routes = createRoutes({ ...fakeServices(), readiness: server.readiness });
  const streaming = [...routes.values()].filter(({ kind }) => kind !== "unary");
  expect(Object.keys(STREAMS).sort()).toEqual(streaming.map(({ name }) => name).sort());
});

describe.each(TRANSPORTS)("over %s", (_, transportTo) => {
  test.each(Object.entries(STREAMS))("%s ends with its key", async (_name, open) => {
    const transport = transportTo(server.url);
    const { token: other } = await scene.key();
    const leave = new AbortController();
    const another = { headers: { authorization: `Bearer ${other}` }, signal: leave.signal };
    const bystander = await opened(open(transport, another));
    const calls = await Promise.all([
      opened(open(transport, withKey())),
      opened(open(transport, { ...withKey(), timeoutMs: 60_000 })),
    ]);
    await scene.apiKeys.revoke(key.keyId);
    for (const { end } of calls) expect(await end).toEqual(revoked);
    const refused = open(transport, withKey())[Symbol.asyncIterator]().next();
    await expect(refused).rejects.toThrow(/valid credentials are required/);
    // The others are not concerned: it is still there to be left.
    leave.abort();
    expect(await bystander.end).toMatchObject({ message: expect.stringContaining("abort") });
  });

  test("Execute ends with its key, and its task goes on", async () => {
    const agents = createClient(AgentService, transportTo(server.url));
    const calls = [
      agents.execute(turn, withKey()),
      agents.execute(turn, { ...withKey(), timeoutMs: 60_000 }),
    ].map((call) => call.catch(told));
    await server.manager.started(2);
    await scene.apiKeys.revoke(key.keyId);
    expect(await Promise.all(calls)).toEqual([revoked, revoked]);
    expect(server.manager.runs.map(({ abortedWith }) => abortedWith)).toEqual([
      "credential",
      "credential",
    ]);
  });

  test("a stream ends when its key expires, to the millisecond", async () => {
    const { end } = await opened(
      createClient(AgentService, transportTo(server.url)).streamExecute(turn, withKey()),
    );
    let hasEnded = false;
    void end.then(() => {
      hasEnded = true;
    });
    await clock.advance(3_599_999);
    expect(hasEnded).toBe(false);
    await clock.advance(1);
    expect(await end).toEqual(expired);
  });
});

describe("over OpenAI's protocol", () => {
  const chat = (stream: boolean): Promise<Response> =>
    fetch(`${server.url}/v1/chat/completions`, {
      method: "POST",
      headers: { ...withKey().headers, "content-type": "application/json" },
      body: JSON.stringify({
        ...{ model: stream ? "endless" : "hanging", stream },
        messages: [{ role: "user", content: "hello" }],
      }),
    });

  test("a stream of events ends with the error", async () => {
    const response = await chat(true);
    await server.manager.started(1);
    const text = response.text();
    await scene.apiKeys.revoke(key.keyId);
    const last = (await text).trimEnd().split("\n\n").at(-1) ?? "";
    expect(JSON.parse(last.replace("data: ", ""))).toEqual({
      error: {
        ...{ message: revoked.message, type: "authentication_error" },
        ...{ param: null, code: "credentials_revoked" },
      },
    });
  });

  test("an answer that has not begun is 401, and is not asked for again", async () => {
    const answer = chat(false);
    await server.manager.started(1);
    await scene.apiKeys.revoke(key.keyId);
    const { status, headers } = await answer;
    expect([status, headers.get("www-authenticate"), headers.get("x-should-retry")]).toEqual([
      401,
      expect.stringContaining("Bearer"),
      null,
    ]);
  });
});

test("an SDK's stream is not resumed, and its turn not canceled", async () => {
  const client = connect(server.url, { apiKey: key.token });
  const events: number[] = [];
  const read = (async () => {
    for await (const { sequence } of client.stream({ agentId: "hanging", text: "hello" })) {
      events.push(sequence);
      if (sequence === 2) await scene.apiKeys.revoke(key.keyId);
    }
  })();
  const error = await read.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ ...revoked, taskId: "task-1", retryable: false });
  expect([events, callCount]).toEqual([[1, 2], 1]);
  expect(server.manager.runs[0]?.abortedWith).toBe("credential");
  client.close();
});
