import { once } from "node:events";
import { create, toBinary } from "@bufbuild/protobuf";
import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { GetTaskRequestSchema } from "../../gen/agentlane/v1/task_service_pb.js";
import { fakeClock } from "../fakes/fake-clock.ts";
import { principal } from "../harness/principals.ts";
import { statusDetails } from "../interop/client.ts";
import {
  closeSession,
  EXECUTE,
  enveloped,
  executeRequest,
  grpcAnswer,
  openGrpc,
  openSession,
  openSocket,
  postJson,
  STREAM_EXECUTE,
} from "./raw.ts";
import { startTestServer } from "./test-server.ts";

describe.each([
  { path: "native", nativeGrpc: true },
  { path: "Connect", nativeGrpc: false },
])("on the $path path", ({ nativeGrpc }) => {
  test("forty running streams finish, new calls are turned away", async () => {
    const { server, port, manager, errors } = await startTestServer({ options: { nativeGrpc } });
    // grpc-js with keepalive drops its streams when it is told to go away too early.
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
      "grpc.keepalive_time_ms": 1000,
      "grpc.enable_retries": 0,
    });
    const bytes = (body: Buffer): Buffer => body;
    const ended = Array.from({ length: 40 }, () => {
      const body = Buffer.from(executeRequest("gated"));
      const stream = client.makeServerStreamRequest(STREAM_EXECUTE, bytes, bytes, body);
      let count = 0;
      stream.on("data", () => count++);
      return new Promise<number | ServiceError>((resolve) => {
        stream.on("error", resolve);
        stream.on("end", () => resolve(count));
      });
    });
    await manager.started(40);
    const drained = server.drain(60_000);

    const refused = await new Promise<ServiceError | null>((resolve) => {
      const body = Buffer.from(executeRequest("echo"));
      client.makeUnaryRequest(EXECUTE, bytes, bytes, body, new Metadata(), resolve);
    });
    expect(refused?.code).toBe(14);
    const [details] = refused?.metadata.get("grpc-status-details-bin") ?? [];
    const types = statusDetails(Buffer.from(details ?? "")).details.map(({ type }) => type);
    expect(types).toContain("type.googleapis.com/google.rpc.RetryInfo");
    const late = await openSocket(port).catch((error: unknown) => error);
    expect(late).toMatchObject({ code: "ECONNREFUSED" });

    manager.release();
    expect(await drained).toBe(true);
    expect(await Promise.all(ended)).toEqual(Array.from({ length: 40 }, () => 4));
    expect(server.inFlightCount).toBe(0);
    client.close();
    await server.stop();
    expect(errors).toEqual([]);
  });

  test("questions are answered while work runs out, new work and new watches are refused", async () => {
    const { server, port, manager } = await startTestServer({ options: { nativeGrpc } });
    const session = await openSession(port);
    const stream = openGrpc(session, STREAM_EXECUTE);
    const streamed = grpcAnswer(stream);
    stream.end(enveloped(executeRequest("gated")));
    await manager.started(1);
    const taskId = manager.runs[0]?.taskId ?? "";
    const drained = server.drain(60_000);

    const ask = (path: string, body: Uint8Array) => {
      const call = openGrpc(session, `/agentlane.v1.${path}`);
      const answer = grpcAnswer(call);
      call.end(enveloped(body));
      return answer;
    };
    const named = toBinary(GetTaskRequestSchema, create(GetTaskRequestSchema, { taskId }));
    const refused = await Promise.all([
      ask("AgentService/Execute", executeRequest("echo")),
      ask("TaskService/SubmitTask", executeRequest("echo")),
      ask("TaskService/WatchTask", named),
    ]);
    expect(refused.map(({ error }) => error?.code)).toEqual(Array(3).fill("UNAVAILABLE"));
    const answered = await Promise.all([
      ask("TaskService/GetTask", named),
      ask("OperationsService/GetTaskManagerStatus", new Uint8Array()),
      ask("SessionService/ListSessions", new Uint8Array()),
    ]);
    expect(answered.map(({ error }) => error?.message)).toEqual([undefined, undefined, undefined]);

    manager.release();
    expect((await streamed).error).toBeUndefined();
    expect(await drained).toBe(true);
    await closeSession(session);
    await server.stop();
  });

  test("a drain that takes too long says so, stop ends the rest", async () => {
    const clock = fakeClock();
    const { server, port, manager } = await startTestServer({
      options: { nativeGrpc },
      parts: { clock },
    });
    const session = await openSession(port);
    const stream = openGrpc(session, STREAM_EXECUTE);
    const answered = grpcAnswer(stream);
    stream.end(enveloped(executeRequest("hanging")));
    await manager.started(1);
    const drained = server.drain(5_000);
    await clock.advance(5_000);
    expect(await drained).toBe(false);
    const stopped = server.stop();
    await clock.advance(1_000);
    await stopped;
    expect((await answered).messages.length).toBeLessThanOrEqual(2);
    expect(manager.runs[0]?.abortedWith).toBe("stop");
    expect(manager.watcherCount).toBe(0);
    expect(clock.timerCount).toBe(0);
    await closeSession(session);
  });
});

test("while draining, health says so and connections with nothing to do end", async () => {
  const { server, port, url, manager, readiness } = await startTestServer();
  const session = await openSession(port);
  const watch = openGrpc(session, "/grpc.health.v1.Health/Watch");
  const watched = grpcAnswer(watch);
  watch.end(enveloped(Buffer.alloc(0)));
  await once(watch, "data");
  const stream = openGrpc(session, STREAM_EXECUTE);
  const answered = grpcAnswer(stream);
  stream.end(enveloped(executeRequest("gated")));
  await manager.started(1);
  const idle = await postJson(url, EXECUTE, "{}");
  expect(idle.status).toBe(400);

  const drained = server.drain(60_000);
  await once(watch, "data");
  manager.release();
  expect((await answered).error).toBeUndefined();
  expect(await drained).toBe(true);
  await server.stop();
  const { messages } = await watched;
  expect(messages.map((message) => [...message])).toEqual([
    [8, 1],
    [8, 2],
  ]);
  expect(readiness.listenerCount).toBe(0);
});

test("start and stop are idempotent, and a stopped server starts again", async () => {
  const { server, url } = await startTestServer();
  await server.start();
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  await server.stop();
  await server.stop();
  expect(() => server.address()).toThrow("not listening");
  expect(await server.drain(1000)).toBe(true);
  await server.start();
  const { port } = server.address();
  expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
  await server.stop();
});

test("a port in use is an error that names it", async () => {
  const { server, port } = await startTestServer();
  await expect(startTestServer({ options: { port } })).rejects.toThrow(String(port));
  await server.stop();
});

test("other machines are let in with authentication only", async () => {
  const open = startTestServer({ options: { host: "0.0.0.0" } });
  await expect(open).rejects.toMatchObject({
    reason: "AUTHENTICATION_REQUIRED",
    message: expect.stringContaining("HOST is 0.0.0.0"),
  });
  const { server } = await startTestServer({
    options: { host: "0.0.0.0" },
    parts: { authenticate: () => ({ principal: principal("acme") }) },
  });
  await server.stop();
});
