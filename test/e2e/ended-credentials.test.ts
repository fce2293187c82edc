/** Credentials that end while their calls are open, in a process that is not told of it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AccessRole } from "../../gen/agentlane/v1/admin_service_pb.js";
import { Role } from "../../gen/agentlane/v1/content_pb.js";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { type AgentlaneClient, connect } from "../../sdk/typescript/src/node.ts";
import { makeApiKey } from "../../src/auth/api-keys.ts";
import { addToKeysFile } from "../../src/auth/keys-file.ts";
import { systemClock } from "../../src/clock.ts";
import { createMemoryEventBus } from "../../src/queue/memory/bus.ts";
import { createMemoryQueue } from "../../src/queue/memory/queue.ts";
import { createMemoryStore } from "../../src/store/memory/store.ts";
import { ALL_ROLES } from "../../src/tasks/principal.ts";
import { AUDIENCE, createIssuer, ISSUER, type TestIssuer } from "../auth/tokens.ts";
import { agent, assistantMessage, scriptedExecutor } from "../fakes/scripted-executor.ts";
import { NOTHING_LEFT, type Program, startProgram } from "../harness/program.ts";

let folder: string;
let issuer: TestIssuer;
/** Who revokes and deletes. */
let here: Program;
/** Who has the calls open. */
let there: Program;
let admin: AgentlaneClient;
/** Where tasks wait. */
let gate = Promise.withResolvers<void>();

const turn = {
  agentId: "gated",
  messages: [{ role: Role.USER, content: [{ part: { case: "text" as const, value: "hello" } }] }],
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "agentlane-ended-"));
  issuer = await createIssuer(Date.now());
  const file = join(folder, "keys.json");
  const request = { name: "first", tenant: "root", roles: [AccessRole.ADMIN], agentIds: [] };
  const made = makeApiKey({ ...request, validForMs: undefined, createdBy: "test" }, Date.now());
  await addToKeysFile(file, made.record);
  const executor = scriptedExecutor(async (run) => {
    await Promise.race([gate.promise, aborted(run.signal)]);
    return { messages: [assistantMessage(`${run.taskId}-answer`, "done")] };
  });
  const clock = systemClock;
  const store = createMemoryStore({ clock });
  const backends = { store, queue: createMemoryQueue({ clock }), bus: createMemoryEventBus() };
  const overrides = { backends, executors: [executor], agents: [agent({ id: "gated" })] };
  const environment = {
    ...{ API_KEYS: "true", API_KEYS_FILE: file, AUDIT_LOG: "off" },
    ...{ JWT_ISSUER: ISSUER, JWT_AUDIENCE: AUDIENCE, JWT_JWKS: issuer.jwks },
  };
  here = await startProgram(overrides, environment);
  there = await startProgram(overrides, environment);
  admin = connect(here.baseUrl, { apiKey: made.token });
});

afterAll(async () => {
  admin.close();
  expect(await there.stop()).toEqual(NOTHING_LEFT);
  expect(await here.stop()).toEqual(NOTHING_LEFT);
  issuer.dispose();
  rmSync(folder, { recursive: true });
});

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

async function newKey(): Promise<{ keyId: string; headers: { authorization: string } }> {
  const roles = [...ALL_ROLES];
  const { key, token } = await admin.admin.createApiKey({ name: "x", tenant: "acme", roles });
  return { keyId: key?.keyId ?? "", headers: { authorization: `Bearer ${token}` } };
}

async function outcomeOf(call: AsyncIterable<unknown> | Promise<unknown>): Promise<unknown> {
  try {
    if (call instanceof Promise) await call;
    else for await (const _ of call);
    return "OK";
  } catch (error) {
    return ConnectError.from(error).findDetails(ErrorInfoSchema)[0]?.reason;
  }
}

/** Resolves when the tasks run, with their ids. */
async function running(count: number, headers: { authorization: string }): Promise<string[]> {
  for (;;) {
    const { tasks } = await here.tasks.listTasks({ states: [TaskState.RUNNING] }, { headers });
    if (tasks.length === count) return tasks.map(({ taskId }) => taskId);
  }
}

test("a key that is revoked ends its calls elsewhere too, and their tasks go on", async () => {
  const { keyId, headers } = await newKey();
  const other = await newKey();
  // The default: a disconnect would cancel these tasks.
  const executing = outcomeOf(there.agents.execute(turn, { headers }));
  const streaming = outcomeOf(there.agents.streamExecute(turn, { headers }));
  const [taskId = "", ...rest] = await running(2, other.headers);
  const watching = outcomeOf(there.tasks.watchTask({ taskId }, { headers }));
  const bystander = outcomeOf(there.tasks.watchTask({ taskId }, { headers: other.headers }));

  await admin.admin.revokeApiKey({ keyId });
  expect(await Promise.all([executing, streaming, watching])).toEqual(
    Array(3).fill("CREDENTIALS_REVOKED"),
  );

  gate.resolve();
  expect(await bystander).toBe("OK");
  for (const id of [taskId, ...rest]) {
    for await (const _ of here.tasks.watchTask({ taskId: id }, { headers: other.headers }));
    const { task } = await here.tasks.getTask({ taskId: id }, { headers: other.headers });
    expect(task?.state).toBe(TaskState.COMPLETED);
  }
});

test("calls of a tenant that is deleted end, whatever let them in", async () => {
  gate = Promise.withResolvers();
  const key = await newKey();
  const authorization = `Bearer ${await issuer.sign()}`;
  const { task } = await here.tasks.submitTask(turn, { headers: { authorization } });
  const taskId = task?.taskId ?? "";
  const calls = [key.headers, { authorization }].map((headers) =>
    outcomeOf(there.tasks.watchTask({ taskId }, { headers })),
  );
  const executing = outcomeOf(there.agents.execute(turn, { headers: { authorization } }));
  await running(2, { authorization });
  expect((await admin.admin.deleteTenant({ tenant: "acme" })).done).toBe(true);
  const ends = await Promise.all([...calls, executing]);
  // By the end of what they told of, or by that of their credential, whichever is noticed first.
  const ENDS = ["OK", "CANCELED", "TASK_NOT_FOUND", "CREDENTIALS_REVOKED"];
  for (const end of ends) expect(ENDS).toContain(end);
});
