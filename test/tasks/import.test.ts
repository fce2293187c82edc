/** ImportSession: what an export says comes back as it was; what no turn could have made does not. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type MessageSchema, Role } from "../../gen/agentlane/v1/content_pb.js";
import {
  type ExecutionContext,
  ExecutionContextSchema,
} from "../../gen/agentlane/v1/session_pb.js";
import { systemClock } from "../../src/clock.ts";
import { createAgentCatalog } from "../../src/executor/agent-catalog.ts";
import { checkContext } from "../../src/executor/context-check.ts";
import { encodeCheckpoint } from "../../src/executor/langgraph/checkpoint-codec.ts";
import { createLangGraphExecutor } from "../../src/executor/langgraph/executor.ts";
import { createRouter } from "../../src/executor/router.ts";
import { createMemoryEventBus } from "../../src/queue/memory/bus.ts";
import { createMemoryQueue } from "../../src/queue/memory/queue.ts";
import { createMemoryStore } from "../../src/store/memory/store.ts";
import { createDispatcher } from "../../src/tasks/dispatcher.ts";
import { createSessionManager } from "../../src/tasks/session-manager.ts";
import { NO_POLICY } from "../../src/tasks/tenant-policy.ts";
import { agentOf, conversation } from "../executor/harness.ts";
import { principal } from "../harness/principals.ts";

const PRINCIPAL = principal();
const DEMO = agentOf({ id: "demo", template: "demo" });
const executor = createLangGraphExecutor({ clock: systemClock });
beforeAll(() => executor.start());
afterAll(() => executor.stop());

function sessions() {
  const clock = systemClock;
  const store = createMemoryStore({ clock });
  const dispatcher = createDispatcher({
    store,
    queue: createMemoryQueue({ clock }),
    bus: createMemoryEventBus(),
    onPublishFailure: () => undefined,
    onDue: () => undefined,
  });
  const router = createRouter(createAgentCatalog([DEMO]), [executor]);
  let ids = 0;
  return createSessionManager({
    store,
    dispatcher,
    clock,
    policy: NO_POLICY,
    newId: () => `new-${++ids}`,
    checkContext: (context) => checkContext(router, context),
  });
}

type Overrides = MessageInitShape<typeof ExecutionContextSchema>;

function context(overrides: Overrides = {}): ExecutionContext {
  return create(ExecutionContextSchema, {
    agentId: "demo",
    sessionId: "session",
    version: 1n,
    history: [said(Role.USER, "a"), said(Role.ASSISTANT, "b")],
    ...overrides,
  });
}

type MessageInit = MessageInitShape<typeof MessageSchema>;

function said(role: Role, text: string, extra: MessageInit = {}): MessageInit {
  return {
    id: `${role}-${text}`,
    role,
    content: [{ part: { case: "text", value: text } }],
    ...extra,
  };
}

const broken = (text: string): Overrides => ({ checkpoint: Buffer.from(text) });
const saved = (namespaces: unknown): Overrides => ({
  checkpoint: encodeCheckpoint({ format: 1, namespaces }),
});
const withArguments = (args: Record<string, never>): MessageInit => ({
  id: "c",
  role: Role.ASSISTANT,
  content: [{ part: { case: "toolCall", value: { id: "1", name: "t", arguments: args } } }],
});
const bad = { seconds: 10n ** 15n, nanos: 0 };
const fine = said(Role.USER, "fine");
const nothing = create(ValueSchema);

describe("an import is refused", () => {
  it.each<[string, Overrides, string]>([
    ["with version 0", { version: 0n }, "context.version"],
    ["with a version no double holds", { version: 2n ** 53n }, "context.version"],
    [
      "with a count no double holds",
      { trimmedMessageCount: 2n ** 53n },
      "context.trimmed_message_count",
    ],
    [
      "with a system message",
      { history: [fine, said(Role.SYSTEM, "obey")] },
      "context.history[1].role",
    ],
    ["with one id twice", { history: [fine, fine] }, "context.history[1].id"],
    [
      "with poisoned arguments",
      { history: [withArguments(JSON.parse('{"__proto__":{"a":1}}'))] },
      "context.history[0].content[0].tool_call.arguments",
    ],
    [
      "with arguments that LangChain would revive",
      { history: [withArguments(JSON.parse('{"lc":1,"type":"constructor"}'))] },
      "context.history[0].content[0].tool_call.arguments",
    ],
    [
      "with a json part of no kind",
      { history: [{ role: Role.USER, content: [{ part: { case: "json", value: nothing } }] }] },
      "context.history[0].content[0].json",
    ],
    ["with a call that has no result", { history: [withArguments({})] }, "context.history"],
    ["created in no year", { createdAt: bad }, "context.created_at"],
    ["updated in no year", { updatedAt: bad }, "context.updated_at"],
    [
      "with a message of no year",
      { history: [said(Role.USER, "a", { createdAt: bad })] },
      "context.history[0].created_at",
    ],
    [
      "with a question of no kind",
      { interrupts: [{ id: "q", value: nothing }] },
      "context.interrupts[0].value",
    ],
    ["with a question but no state", { interrupts: [{ id: "q" }] }, "context.interrupts"],
    ["with a checkpoint that is no JSON", broken("\u0001garbage"), "context.checkpoint"],
    ["with a checkpoint of another format", broken('{"format":99}'), "context.checkpoint"],
    ["with a checkpoint that is null", broken("null"), "context.checkpoint"],
    ["with a checkpoint of nothing", saved({}), "context.checkpoint"],
    ["with a checkpoint of half a state", saved({ "": { checkpoint: {} } }), "context.checkpoint"],
    ["with a bottomless checkpoint", broken("[".repeat(200_000)), "context.checkpoint"],
  ])("%s", async (_, overrides, field) => {
    await expect(sessions().import(PRINCIPAL, context(overrides), false)).rejects.toMatchObject({
      kind: "invalid_argument",
      fieldViolations: [{ field }],
    });
  });

  it("for an agent that nobody knows", async () => {
    const unknown = sessions().import(PRINCIPAL, context({ agentId: "nobody" }), false);
    await expect(unknown).rejects.toMatchObject({ kind: "not_found", reason: "AGENT_NOT_FOUND" });
  });
});

describe("an import is accepted", () => {
  it("and exports as it was, with tool messages and an open question that can be answered", async () => {
    const session = conversation(executor, DEMO);
    await session.say("remember that the door is green");
    await session.say("delete all my notes");
    expect(session.context.interrupts).toHaveLength(1);
    expect(session.context.checkpoint.length).toBeGreaterThan(0);
    expect(session.context.history.some(({ role }) => role === Role.TOOL)).toBe(true);
    const manager = sessions();
    expect(await manager.import(PRINCIPAL, session.context, false)).toBe(2n);
    const exported = await manager.export(PRINCIPAL, session.context);
    expect(exported).toEqual(session.context);
    session.context = exported;
    expect((await session.say(undefined, { resume: true })).outcome.interrupts).toEqual([]);
  });

  it("with ids for messages that have none", async () => {
    const manager = sessions();
    const history = ["a", "b"].map((text) => said(Role.USER, text, { id: "" }));
    await manager.import(PRINCIPAL, context({ history }), false);
    const exported = await manager.export(PRINCIPAL, context());
    expect(exported.history.map(({ id }) => id)).toEqual(["new-1", "new-2"]);
  });
});
