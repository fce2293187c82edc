/** What belongs to others is not there: of other tenants, and of agents that a principal may not use. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AccessRole } from "../../gen/agentlane/v1/admin_service_pb.js";
import { AgentService } from "../../gen/agentlane/v1/agent_service_pb.js";
import { OperationsService } from "../../gen/agentlane/v1/operations_service_pb.js";
import { SessionService } from "../../gen/agentlane/v1/session_service_pb.js";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { TaskService } from "../../gen/agentlane/v1/task_service_pb.js";
import { type AgentlaneClient, connect } from "../../sdk/typescript/src/node.ts";
import { makeApiKey } from "../../src/auth/api-keys.ts";
import { addToKeysFile } from "../../src/auth/keys-file.ts";
import { ALL_ROLES } from "../../src/tasks/principal.ts";
import { NOTHING_LEFT, type Program, startProgram } from "../harness/program.ts";

let folder: string;
let program: Program;
let admin: AgentlaneClient;
const clients: AgentlaneClient[] = [];

/** acme's: a finished task and a dead letter of echo, and a finished task of demo. */
let owned: { task: string; dead: string; demo: string; key: string };

async function clientOf(
  tenant: string,
  agentIds: string[] = [],
  roles: AccessRole[] = [...ALL_ROLES],
): Promise<AgentlaneClient> {
  const { token } = await admin.admin.createApiKey({ name: "test", tenant, roles, agentIds });
  const client = connect(program.baseUrl, { apiKey: token });
  clients.push(client);
  return client;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "agentlane-tenants-"));
  const file = join(folder, "keys.json");
  const request = { name: "first", tenant: "root", roles: [AccessRole.ADMIN], agentIds: [] };
  const made = makeApiKey({ ...request, validForMs: undefined, createdBy: "test" }, Date.now());
  await addToKeysFile(file, made.record);
  program = await startProgram({}, { API_KEYS: "true", API_KEYS_FILE: file });
  admin = connect(program.baseUrl, { apiKey: made.token });
  clients.push(admin);
  const acme = await clientOf("acme");
  const key = "acme-key";
  const turn = { agentId: "echo", sessionId: "s1", text: "hello", idempotencyKey: key };
  const { taskId: task } = await acme.execute(turn);
  const { taskId: demo } = await acme.execute({ agentId: "demo", sessionId: "s2", text: "1 + 2" });
  const failing = { maxAttempts: 1, configurable: { failAttempts: 1 } };
  const { task: failed } = await acme.submit({ agentId: "echo", text: "x", ...failing });
  const dead = failed?.taskId ?? "";
  for await (const _ of acme.watch(dead));
  owned = { task, dead, demo, key };
});

afterAll(async () => {
  for (const client of clients) client.close();
  expect(await program.stop()).toEqual(NOTHING_LEFT);
  rmSync(folder, { recursive: true });
});

/** NOT_FOUND, the only answer there is; or what was answered instead. */
async function outcome(call: Promise<unknown>): Promise<unknown> {
  return call.catch((error: unknown) => {
    const { code } = ConnectError.from(error);
    return code === 5 ? "NOT_FOUND" : `${code} ${String(error)}`;
  });
}

async function readAll(entries: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const _ of entries) count++;
  return count;
}

const SESSION = { agentId: "echo", sessionId: "s1" };
const NOTHING = { items: [], totalCount: 0 };

/** What somebody gets who names acme's task of echo, its session, or nothing at all. */
const OTHERS: Readonly<Record<string, (client: AgentlaneClient) => Promise<unknown>>> = {
  "TaskService/GetTask": ({ tasks }) => outcome(tasks.getTask({ taskId: owned.task })),
  "TaskService/WatchTask": ({ tasks }) => outcome(readAll(tasks.watchTask({ taskId: owned.task }))),
  "TaskService/CancelTask": ({ tasks }) =>
    outcome(tasks.cancelTask({ target: { case: "taskId", value: owned.task } })),
  "TaskService/ListTasks": async ({ tasks }) => {
    const page = await tasks.listTasks({ agentId: "echo" });
    return { items: page.tasks, totalCount: 0 };
  },
  "TaskService/ListDeadLetters": async ({ tasks }) => {
    const page = await tasks.listDeadLetters({ agentId: "echo" });
    return { items: page.tasks, totalCount: page.totalCount };
  },
  "TaskService/RedriveTasks": async ({ tasks }) => {
    const answer = await tasks.redriveTasks({ taskIds: [owned.dead] });
    return answer.skippedTaskIds.length === 1 ? "NOT_FOUND" : answer;
  },
  "TaskService/PurgeDeadLetters": async ({ tasks }) => {
    const counts = [
      await tasks.purgeDeadLetters({ taskIds: [owned.dead] }),
      await tasks.purgeDeadLetters({ agentId: "echo" }),
      await tasks.purgeDeadLetters({}),
    ];
    return { items: counts.filter(({ purgedCount }) => purgedCount > 0), totalCount: 0 };
  },
  "SessionService/GetSession": ({ sessions }) => outcome(sessions.getSession(SESSION)),
  "SessionService/ExportSession": ({ sessions }) => outcome(sessions.exportSession(SESSION)),
  "SessionService/ListSessions": async ({ sessions }) => {
    const page = await sessions.listSessions({ agentId: "echo" });
    return { items: page.sessions, totalCount: 0 };
  },
  "SessionService/ListInstances": async ({ sessions }) => {
    const page = await sessions.listInstances({ agentId: "echo" });
    return { items: page.instances, totalCount: page.totalCount };
  },
};

/** RPCs that name no task and no session of others, and the two that are told apart below. */
const ELSEWHERE = [
  "AgentService/Execute",
  "AgentService/StreamExecute",
  "TaskService/SubmitTask",
  "SessionService/DestroySession",
  "SessionService/ImportSession",
  ...OperationsService.methods.map(({ name }) => `OperationsService/${name}`),
];

test("every RPC on tasks and sessions is held against others", () => {
  const names = [AgentService, TaskService, SessionService, OperationsService].flatMap((service) =>
    service.methods.map(({ name }) => `${service.name}/${name}`),
  );
  expect([...Object.keys(OTHERS), ...ELSEWHERE].sort()).toEqual(names.sort());
});

describe.each([
  ["another tenant", () => clientOf("blue")],
  ["a principal limited to another agent", () => clientOf("acme", ["demo"])],
])("%s", (_, makeClient) => {
  test.each(Object.keys(OTHERS))("does not find by %s", async (name) => {
    const client = await makeClient();
    const found = await OTHERS[name]?.(client);
    if (found !== "NOT_FOUND") expect(found).toEqual(NOTHING);
  });

  test("destroys nothing of it", async () => {
    const client = await makeClient();
    await outcome(client.sessions.destroySession(SESSION));
    const acme = await clientOf("acme");
    expect((await acme.sessions.getSession(SESSION)).context?.version).toBe(1n);
    expect((await acme.getTask(owned.dead)).state).toBe(TaskState.FAILED);
  });
});

test("the answers are those for what does not exist", async () => {
  const blue = await clientOf("blue");
  const messageOf = (taskId: string): Promise<string> =>
    blue.tasks.getTask({ taskId }).then(
      () => "found",
      (error: unknown) => ConnectError.from(error).message.replaceAll(taskId, "ID"),
    );
  expect(await messageOf(owned.task)).toBe(await messageOf("01890000-0000-7000-8000-000000000000"));
});

test("keys of another tenant are others, though they are spelled the same", async () => {
  const blue = await clientOf("blue");
  const byKey = blue.tasks.cancelTask({ target: { case: "idempotencyKey", value: owned.key } });
  expect(await outcome(byKey)).toBe("NOT_FOUND");
  const turn = { agentId: "echo", sessionId: "s1", text: "other", idempotencyKey: owned.key };
  const { taskId } = await blue.execute(turn);
  expect(taskId).not.toBe(owned.task);
});

describe("a principal limited to agents", () => {
  test("uses and sees its own", async () => {
    const client = await clientOf("acme", ["demo"]);
    expect((await client.getTask(owned.demo)).agentId).toBe("demo");
    const { tasks } = await client.tasks.listTasks({});
    expect(new Set(tasks.map(({ agentId }) => agentId))).toEqual(new Set(["demo"]));
    const { sessions } = await client.sessions.listSessions({});
    expect(sessions.map(({ sessionId }) => sessionId)).toEqual(["s2"]);
    const { agents } = await client.operations.listAgents({});
    expect(agents.map(({ agentId }) => agentId)).toEqual(["demo"]);
    expect((await client.execute({ agentId: "demo", text: "1 + 2" })).state).toBe(
      TaskState.COMPLETED,
    );
  });

  test("cannot tell agents it may not use from those there are not", async () => {
    const client = await clientOf("acme", ["demo"]);
    const messageOf = (agentId: string): Promise<string> =>
      client.execute({ agentId, text: "x" }).then(
        () => "done",
        (error: Error) => error.message.replaceAll(agentId, "ID"),
      );
    expect(await messageOf("echo")).toBe(await messageOf("nonsense"));
    const submitted = client.submit({ agentId: "echo", text: "x" });
    await expect(submitted).rejects.toMatchObject({ code: "NOT_FOUND", reason: "AGENT_NOT_FOUND" });
    const response = await fetch(`${program.baseUrl}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: "Bearer none" },
      body: "{}",
    });
    expect(response.status).toBe(401);
  });

  test("cancels its own by their idempotency keys, and finds none of another agent's", async () => {
    const client = await clientOf("acme", ["demo"]);
    const acme = await clientOf("acme");
    const cancel = (idempotencyKey: string, by = client) =>
      by.tasks.cancelTask({ target: { case: "idempotencyKey", value: idempotencyKey } });
    const waiting = { text: "x", configurable: { tokens: 600, delayMs: 100 } };
    const foreign = { ...waiting, agentId: "echo", idempotencyKey: "limited-echo" };
    const { task: running } = await acme.submit(foreign);

    // The same words as for a key that nobody has used, and nothing has happened.
    const told = await Promise.all(
      ["limited-echo", owned.key, "nobodys"].map((key) =>
        cancel(key).then(
          () => "canceled",
          (error: unknown) => ConnectError.from(error).message,
        ),
      ),
    );
    expect(new Set(told)).toEqual(
      new Set(["[not_found] no task was submitted with this idempotency key"]),
    );
    const { cancelRequestedAt } = await acme.getTask(running?.taskId ?? "");
    expect(cancelRequestedAt).toBeUndefined();
    await cancel("limited-echo", acme);

    const own = { agentId: "demo", text: "1 + 2", idempotencyKey: "limited-demo" };
    const { taskId } = await client.execute(own);
    expect((await cancel("limited-demo")).task).toMatchObject({
      ...{ taskId, agentId: "demo", state: TaskState.COMPLETED },
    });
    const theirs = await clientOf("blue", ["demo"]);
    await expect(cancel("limited-demo", theirs)).rejects.toMatchObject({ code: 5 });
  });
});

test("hosts of workers are told to admins only", async () => {
  const operator = await clientOf("acme", [], [AccessRole.OPERATE]);
  const all = await clientOf("acme");
  const hostsOf = async ({ operations }: AgentlaneClient): Promise<string[]> =>
    (await operations.listWorkers({})).workers.map(({ host }) => host);
  expect(await hostsOf(operator)).toEqual([""]);
  expect((await hostsOf(all)).join()).not.toBe("");
});
