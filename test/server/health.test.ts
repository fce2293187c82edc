import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  Health,
  HealthCheckResponse_ServingStatus as Status,
} from "../../gen/grpc/health/v1/health_pb.js";
import { ServerReflection } from "../../gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as Alpha } from "../../gen/grpc/reflection/v1alpha/reflection_pb.js";
import type { Need } from "../../src/server/health.ts";
import { callGrpc, enveloped } from "./raw.ts";
import { startTestServer, type TestServer } from "./test-server.ts";

let server: TestServer;
beforeEach(async () => {
  server = await startTestServer();
});
afterEach(async () => {
  await server.server.stop();
  expect(server.readiness.listenerCount).toBe(0);
});

const transport = () => createGrpcTransport({ baseUrl: server.url });
const health = () => createClient(Health, transport());

const PROCESS = ["", "readiness"];
const ANSWERING = ["Admin", "Operations", "Session", "Task"].map(
  (name) => `agentlane.v1.${name}Service`,
);
const WORKING = ["agentlane.v1.AgentService"];

test.each<{ lacking: Need[]; notServing: string[] }>([
  { lacking: [], notServing: [] },
  { lacking: ["store"], notServing: [...PROCESS, ...WORKING, ...ANSWERING] },
  { lacking: ["queue"], notServing: [...PROCESS, ...WORKING] },
  { lacking: ["worker"], notServing: [...PROCESS, ...WORKING] },
  { lacking: ["entry"], notServing: [...PROCESS, ...WORKING] },
])("without $lacking these do not serve: $notServing", async ({ lacking, notServing }) => {
  server.readiness.lack(...lacking);
  const { statuses } = await health().list({});
  const names = [...PROCESS, "liveness", ...WORKING, ...ANSWERING];
  expect(Object.keys(statuses).sort()).toEqual([...names].sort());
  for (const service of names) {
    const expected = notServing.includes(service) ? Status.NOT_SERVING : Status.SERVING;
    expect(statuses[service]?.status, service).toBe(expected);
    expect((await health().check({ service })).status, service).toBe(expected);
  }
});

test("Check of an unknown service is NOT_FOUND, Watch says SERVICE_UNKNOWN and stays", async () => {
  const check = health().check({ service: "nope" });
  await expect(check).rejects.toMatchObject({
    code: Code.NotFound,
    message: expect.stringContaining("liveness, agentlane.v1.AgentService"),
  });
  const abort = new AbortController();
  const watch = health().watch({ service: "nope" }, { signal: abort.signal });
  const statuses: Status[] = [];
  try {
    for await (const { status } of watch) {
      statuses.push(status);
      abort.abort();
    }
  } catch (error) {
    expect(ConnectError.from(error).code).toBe(Code.Canceled);
  }
  expect(statuses).toEqual([Status.SERVICE_UNKNOWN]);
});

test("Watch tells every change once", async () => {
  const abort = new AbortController();
  const watch = health().watch({}, { signal: abort.signal })[Symbol.asyncIterator]();
  const next = async () => (await watch.next()).value?.status;
  expect(await next()).toBe(Status.SERVING);
  server.readiness.lack("store");
  expect(await next()).toBe(Status.NOT_SERVING);
  server.readiness.lack("store", "queue");
  server.readiness.lack();
  expect(await next()).toBe(Status.SERVING);
  abort.abort();
  await expect(watch.next()).rejects.toMatchObject({ code: Code.Canceled });
});

test("Watch of a service tells nothing of what the service does not need", async () => {
  const abort = new AbortController();
  const service = "agentlane.v1.TaskService";
  const watch = health().watch({ service }, { signal: abort.signal })[Symbol.asyncIterator]();
  const next = async () => (await watch.next()).value?.status;
  expect(await next()).toBe(Status.SERVING);
  const changed = next();
  server.readiness.lack("queue");
  server.readiness.lack("queue", "store");
  expect(await changed).toBe(Status.NOT_SERVING);
  abort.abort();
  await expect(watch.next()).rejects.toMatchObject({ code: Code.Canceled });
});

async function* questions() {
  const ask = [
    { case: "listServices" as const, value: "" },
    { case: "fileContainingSymbol" as const, value: "agentlane.v1.AgentService.Execute" },
    { case: "fileByFilename" as const, value: "google/protobuf/struct.proto" },
    { case: "fileByFilename" as const, value: "nope.proto" },
    {
      case: "fileContainingExtension" as const,
      value: { containingType: "google.protobuf.FieldOptions", extensionNumber: 1159 },
    },
    { case: "allExtensionNumbersOfType" as const, value: "google.protobuf.FieldOptions" },
    { case: "allExtensionNumbersOfType" as const, value: "agentlane.v1.Task" },
    { case: "allExtensionNumbersOfType" as const, value: "nope.Type" },
  ];
  for (const messageRequest of ask) yield { host: "h", messageRequest };
}

test.each([
  ["v1", ServerReflection],
  ["v1alpha", Alpha],
])("reflection %s answers every kind of question", async (_, service) => {
  const client = createClient(service, transport());
  const answers: unknown[] = [];
  let firstFileCount = 0;
  for await (const { messageResponse: response, validHost } of client.serverReflectionInfo(
    questions(),
  )) {
    expect(validHost).toBe("h");
    if (response.case === "listServicesResponse") answers.push(response.value.service.length);
    else if (response.case === "errorResponse") answers.push(response.value.errorCode);
    else if (response.case === "allExtensionNumbersResponse") {
      answers.push(response.value.extensionNumber);
    } else if (response.case === "fileDescriptorResponse") {
      const { length } = response.value.fileDescriptorProto;
      firstFileCount ||= length;
      answers.push(length > 0);
    }
  }
  expect(answers).toEqual([8, true, true, Code.NotFound, true, [1159, 1160], [], Code.NotFound]);
  // The file and all that it needs.
  expect(firstFileCount).toBeGreaterThan(5);
});

test("a reflection client that leaves without a word is no error", async () => {
  const abort = new AbortController();
  async function* requests() {
    yield { messageRequest: { case: "listServices" as const, value: "" } };
    await new Promise(() => undefined);
  }
  const reflection = createClient(ServerReflection, transport());
  const answers = reflection.serverReflectionInfo(requests(), { signal: abort.signal });
  try {
    for await (const _ of answers) abort.abort();
  } catch (error) {
    expect(ConnectError.from(error).code).toBe(Code.Canceled);
  }
  await server.server.stop();
  expect(server.errors).toEqual([]);
});

test("where reflection is off, nobody can ask for the contract", async () => {
  const { server, port } = await startTestServer({ options: { reflection: false } });
  for (const version of ["v1", "v1alpha"]) {
    const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
    const { error } = await callGrpc(port, path, enveloped(Buffer.alloc(0)));
    expect(error).toMatchObject({ code: "UNIMPLEMENTED" });
  }
  await server.stop();
});
