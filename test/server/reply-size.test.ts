/** Replies at and over the limit of a message. */
import { create } from "@bufbuild/protobuf";
import { type Client, Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterEach, expect, test } from "vitest";
import { AgentService } from "../../gen/agentlane/v1/agent_service_pb.js";
import { ExecutionContextSchema } from "../../gen/agentlane/v1/session_pb.js";
import { SessionService } from "../../gen/agentlane/v1/session_service_pb.js";
import { type Task, TaskSchema } from "../../gen/agentlane/v1/task_pb.js";
import { TaskService } from "../../gen/agentlane/v1/task_service_pb.js";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import type { ServerParts } from "../../src/server/server.ts";
import { fakeTaskManager } from "../fakes/fake-task-manager.ts";
import { taskResult, userMessage } from "../harness/builders.ts";
import { fakeServices, startTestServer, type TestServer } from "./test-server.ts";

const MIB = 1024 * 1024;
let started: TestServer;
let tasks: Client<typeof TaskService>;
let sessions: Client<typeof SessionService>;
let agents: Client<typeof AgentService>;

async function start(parts: Partial<ServerParts> = {}): Promise<void> {
  started = await startTestServer({ parts });
  const transport = createGrpcTransport({ baseUrl: started.url });
  tasks = createClient(TaskService, transport);
  sessions = createClient(SessionService, transport);
  agents = createClient(AgentService, transport);
}

afterEach(() => started.server.stop());

/** Tasks of these sizes, as a store pages them. */
function listed(sizes: readonly number[]): Partial<ServerParts> {
  const all = sizes.map((size, index): Task => {
    return create(TaskSchema, { taskId: `t${index}`, result: taskResult("x".repeat(size)) });
  });
  const list = async (page: { size: number; token: string }) => {
    const from = Number(page.token || 0);
    const items = all.slice(from, from + page.size);
    const nextToken = from + page.size < all.length ? String(from + page.size) : "";
    return { items, nextToken, totalCount: all.length };
  };
  const manager = fakeTaskManager();
  return {
    manager: {
      ...manager,
      list: (_principal, _filter, page) => list(page),
      listDeadLetters: (_principal, _filter, page) => list(page),
    },
  };
}

test.each(["listTasks", "listDeadLetters"] as const)(
  "%s cuts a page that does not fit, and its token leads on",
  async (name) => {
    await start(listed([1.4 * MIB, 1.4 * MIB, 1.4 * MIB, 3.5 * MIB, 10, 20, 30]));
    const pages: string[][] = [];
    let pageToken = "";
    do {
      const reply = await tasks[name]({ pageToken });
      pages.push(reply.tasks.map(({ taskId }) => taskId));
      pageToken = reply.nextPageToken;
    } while (pageToken !== "");
    expect(pages).toEqual([["t0", "t1"], ["t2"], ["t3"], ["t4", "t5", "t6"]]);
  },
);

async function refusal(call: Promise<unknown>): Promise<ConnectError> {
  return call.then(
    () => expect.unreachable("the call succeeded"),
    (error: unknown) => ConnectError.from(error),
  );
}

test("a result that does not fit is refused with the id of its task", async () => {
  await start({ manager: { ...fakeTaskManager(), get: async () => large } });
  const large = create(TaskSchema, { taskId: "t9", result: taskResult("x".repeat(5 * MIB)) });
  const request = { agentId: "large", messages: [userMessage("go")] };
  const read = async (): Promise<void> => {
    for await (const _ of agents.streamExecute(request));
  };
  const infos = [];
  const calls = [agents.execute(request), read(), tasks.getTask({ taskId: "t9" })];
  for (const error of await Promise.all(calls.map(refusal))) {
    expect(error.code).toBe(Code.ResourceExhausted);
    infos.push(...error.findDetails(ErrorInfoSchema));
  }
  expect(infos.map(({ reason }) => reason)).toEqual(infos.map(() => "REPLY_TOO_LARGE"));
  expect(infos.map(({ metadata }) => metadata.task_id)).toEqual(["task-1", "task-2", "t9"]);
});

test("a session that does not fit is refused with what helps", async () => {
  const context = create(ExecutionContextSchema, { history: [userMessage("x".repeat(5 * MIB))] });
  const view = { context, instance: undefined, unfinishedTaskIds: [] };
  const { sessions: none } = fakeServices();
  await start({ sessions: { ...none, get: async () => view, export: async () => context } });
  const name = { agentId: "echo", sessionId: "s1" };
  const calls = [sessions.getSession(name), sessions.exportSession(name)];
  for (const error of await Promise.all(calls.map(refusal))) {
    expect(error.code).toBe(Code.ResourceExhausted);
    expect(error.rawMessage).toContain("history.maxMessages or history.maxTokens");
    expect(error.rawMessage).toContain("MAX_MESSAGE_BYTES");
  }
});
