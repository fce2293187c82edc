/** What the scenarios cannot see of the TypeScript SDK: headers, TLS, its own limits, the adapter. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Code, ConnectError, createRouterTransport, type ServiceImpl } from "@connectrpc/connect";
import { propagation } from "@opentelemetry/api";
import { afterEach, describe, expect, test } from "vitest";
import { ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { AgentlaneClient } from "../../sdk/typescript/src/client.ts";
import { connect as connectGrpcJs } from "../../sdk/typescript/src/grpc-js.ts";
import {
  AgentlaneError,
  connect,
  ExecuteAgentServiceAdapter,
  SessionService,
  TaskService,
  TaskState,
} from "../../sdk/typescript/src/node.ts";
import { traceHeaders } from "../../sdk/typescript/src/trace-context.ts";
import { connect as connectWeb } from "../../sdk/typescript/src/web.ts";
import { type Program, startProgram } from "../harness/program.ts";
import { createCertificates } from "../server/certificates.ts";

let program: Program | undefined;
afterEach(async () => {
  await program?.stop();
  program = undefined;
});

/** A client of a task service that is made up. */
function clientOf(
  service: Partial<ServiceImpl<typeof TaskService>>,
  options: ConstructorParameters<typeof AgentlaneClient>[1] = {},
): AgentlaneClient {
  const transport = createRouterTransport((router) => {
    router.service(TaskService, service);
    router.service(SessionService, {});
  });
  return new AgentlaneClient(transport, options);
}

function busy(retryAfterMs: number | undefined, taskId?: string): ConnectError {
  const retryDelay = { seconds: 0n, nanos: (retryAfterMs ?? 0) * 1e6 };
  const metadata: Record<string, string> = taskId === undefined ? {} : { task_id: taskId };
  return new ConnectError("busy", Code.ResourceExhausted, undefined, [
    { desc: ErrorInfoSchema, value: { reason: "QUEUE_FULL", metadata } },
    ...(retryAfterMs === undefined ? [] : [{ desc: RetryInfoSchema, value: { retryDelay } }]),
  ]);
}

async function failure(call: Promise<unknown>): Promise<AgentlaneError> {
  const error = await call.then(
    () => expect.unreachable("the call succeeded"),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof AgentlaneError)) throw error;
  return error;
}

describe("retries", () => {
  const retry = { initialBackoffMs: 1, maxBackoffMs: 2, maxTries: 3 };

  test("a refusal that names a delay is waited for, with the same key", async () => {
    const keys: string[] = [];
    const client = clientOf(
      {
        submitTask({ idempotencyKey }) {
          keys.push(idempotencyKey);
          if (keys.length < 3) throw busy(1);
          return { task: { taskId: "t" } };
        },
      },
      { retry },
    );
    expect((await client.submit({ agentId: "a", text: "x" })).task?.taskId).toBe("t");
    expect(keys).toHaveLength(3);
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
  });

  test.each([
    { what: "ends after maxTries", error: () => busy(1), tries: 3 },
    { what: "does not follow a refusal without a delay", error: () => busy(undefined), tries: 1 },
    { what: "does not follow a task's own end", error: () => busy(1, "t"), tries: 1 },
    {
      what: "does not follow a refusal for good",
      error: () => new ConnectError("no", Code.FailedPrecondition),
      tries: 1,
    },
    { what: "follows a broken connection", error: () => new ConnectError("reset"), tries: 3 },
  ])("$what", async ({ error, tries }) => {
    let count = 0;
    const getTask = (): never => {
      count += 1;
      throw error();
    };
    await failure(clientOf({ getTask }, { retry }).getTask("t"));
    expect(count).toBe(tries);
  });

  test("a delay that the deadline does not leave time for is not waited for", async () => {
    let count = 0;
    const getTask = (): never => {
      count += 1;
      throw busy(999);
    };
    const error = await failure(clientOf({ getTask }).getTask("t", { deadlineMs: 500 }));
    expect([count, error.code, error.retryAfterMs]).toEqual([1, "RESOURCE_EXHAUSTED", 999]);
  });

  test("a redrive is sent once", async () => {
    let count = 0;
    const redriveTasks = (): never => {
      count += 1;
      throw new ConnectError("reset", Code.Unavailable);
    };
    const error = await failure(clientOf({ redriveTasks }, { retry }).redrive(["t"]));
    expect([count, error.code, error.retryable]).toEqual([1, "UNAVAILABLE", true]);
  });
});

test("calls carry the API key, the client's headers and their own", async () => {
  let seen: Headers | undefined;
  const client = clientOf(
    {
      getTask(_, { requestHeader }) {
        seen = requestHeader;
        return { task: { taskId: "t" } };
      },
    },
    { apiKey: "secret", headers: { "x-team": "blue", "x-both": "client" } },
  );
  await client.getTask("t", { headers: { "x-both": "call" } });
  expect(seen?.get("authorization")).toBe("Bearer secret");
  expect(seen?.get("x-team")).toBe("blue");
  expect(seen?.get("x-both")).toBe("call");
});

test("calls carry the trace context of the active span", async () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  propagation.setGlobalPropagator({
    inject: (_context, carrier, setter) => setter.set(carrier, "traceparent", traceparent),
    extract: (given) => given,
    fields: () => ["traceparent"],
  });
  let seen: string | null = null;
  const transport = createRouterTransport(({ service }) =>
    service(TaskService, {
      getTask(_, { requestHeader }) {
        seen = requestHeader.get("traceparent");
        return { task: { taskId: "t" } };
      },
    }),
  );
  await new AgentlaneClient(transport, {}, undefined, traceHeaders).getTask("t");
  propagation.disable();
  expect(seen).toBe(traceparent);
});

test("an event is yielded once, whatever is sent twice", async () => {
  let calls = 0;
  const client = clientOf(
    {
      async *watchTask({ afterSequence }) {
        calls += 1;
        const change = (sequence: number, state: TaskState) => ({
          taskId: "t",
          attempt: 1,
          sequence,
          event: { kind: { case: "stateChange" as const, value: { state } } },
        });
        yield change(1, TaskState.QUEUED);
        yield change(2, TaskState.RUNNING);
        if (calls === 1) throw new ConnectError("reset", Code.Aborted);
        expect(afterSequence).toBe(2);
        yield change(3, TaskState.COMPLETED);
      },
    },
    { retry: { initialBackoffMs: 1 } },
  );
  const sequences: number[] = [];
  for await (const { sequence } of client.watch("t")) sequences.push(sequence);
  expect([sequences, calls]).toEqual([[1, 2, 3], 2]);
});

test.each([
  { name: "grpc", connectBy: connect },
  { name: "grpc-js", connectBy: connectGrpcJs },
])("$name: TLS with a client's certificate", async ({ connectBy }) => {
  const folder = mkdtempSync(join(tmpdir(), "agentlane-sdk-"));
  const file = (name: string, pem: string): string => {
    writeFileSync(join(folder, name), pem);
    return join(folder, name);
  };
  const { ca, server, client: own } = createCertificates();
  try {
    program = await startProgram(
      {},
      {
        TLS_CERT: file("server.crt", server.cert),
        TLS_KEY: file("server.key", server.key),
        TLS_CLIENT_CA: file("ca.crt", ca),
      },
    );
    const { port } = program.runtime.server.address();
    const client = connectBy(`https://localhost:${port}`, { tls: { ca, ...own } });
    const { taskId, text } = await client.execute({ agentId: "echo", text: "hello" });
    expect(text).toBe("hello");
    const stranger = connectBy(`https://localhost:${port}`, {
      tls: { ca },
      retry: { maxTries: 1 },
    });
    expect((await failure(stranger.getTask(taskId))).code).toBe("UNAVAILABLE");
    stranger.close();
    client.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe.each([
  { name: "grpc", connectBy: connect },
  { name: "grpc-js", connectBy: connectGrpcJs },
  { name: "web", connectBy: connectWeb },
])("$name", ({ connectBy }) => {
  test("the adapter has the old interface", async () => {
    program = await startProgram();
    const client = connectBy(program.baseUrl);
    const service = new ExecuteAgentServiceAdapter(client);
    const command = { agentId: "echo", sessionId: "s1", message: "one two" };
    expect(await service.execute(command)).toMatchObject({
      success: true,
      agentId: "echo",
      sessionId: "s1",
      response: "one two",
      messages: [{ role: "assistant", content: "one two" }],
      usage: { promptTokens: 2, completionTokens: 2 },
      error: undefined,
    });
    let said = "";
    for await (const chunk of service.executeStreaming(command)) {
      expect(chunk).toMatchObject({ object: "chat.completion.chunk", model: "echo" });
      const [choice] = Array.isArray(chunk.choices) ? chunk.choices : [];
      said += JSON.stringify(choice ?? {});
    }
    expect(said).toContain("one");
    const instances = await service.getAgentInstances();
    expect(instances.map(({ sessionKey }) => sessionKey)).toEqual(["echo#s1"]);
    expect(await service.destroySessionAgent("echo", "s1")).toBe(true);
    expect(await service.destroySessionAgent("echo", "s1")).toBe(false);
    expect(await service.execute({ agentId: "nobody", message: "x" })).toMatchObject({
      success: false,
      errorReason: "AGENT_NOT_FOUND",
      taskId: "",
      response: "",
    });
    client.close();
  });

  test("sessions move, and what is purged is gone", async () => {
    program = await startProgram();
    const client = connectBy(program.baseUrl);
    await client.execute({ agentId: "echo", sessionId: "s1", text: "hello" });
    const exported = await client.exportSession("echo", "s1");
    expect(await client.destroySession("echo", "s1")).toBe(true);
    expect((await client.importSession(exported)).version).toBe(1n);
    const clash = await failure(client.importSession(exported));
    expect(clash.code).toBe("ALREADY_EXISTS");
    expect((await client.importSession(exported, { overwrite: true })).version).toBe(1n);
    const turn = { agentId: "echo", sessionId: "s2", text: "x", maxAttempts: 1 };
    const failed = client.stream({ ...turn, configurable: { failAttempts: 1 } });
    expect((await failure(failed.final())).reason).toBe("ECHO_FAILURE");
    expect((await client.listTasks({ sessionId: "s2" })).tasks).toHaveLength(1);
    const { purgedCount } = await client.purgeDeadLetters({ taskIds: [failed.taskId] });
    expect(purgedCount).toBe(1);
    client.close();
  });

  test("a server that is not there is UNAVAILABLE", async () => {
    const client = connectBy("http://127.0.0.1:1", { retry: { maxTries: 2, initialBackoffMs: 1 } });
    const error = await failure(client.execute({ agentId: "echo", text: "x" }));
    expect([error.code, error.retryable, error.taskId]).toEqual(["UNAVAILABLE", true, undefined]);
    client.close();
  });
});
