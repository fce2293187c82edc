/** `agentlane sessions`: conversations and the instances that hold them warm. */
import {
  GetSessionResponseSchema,
  type Instance,
  InstanceSchema,
  Role,
  type SessionSummary,
  SessionSummarySchema,
} from "../../../sdk/typescript/src/node.ts";
import { confirmed, YES } from "../confirm.ts";
import { EXIT } from "../failure.ts";
import { instant } from "../format.ts";
import { contractJson, document } from "../json.ts";
import { showList } from "../listing.ts";
import { operand, text } from "../options.ts";
import { firstItems, PAGING } from "../paging.ts";
import { callOptions, remoteCommand, repeated } from "../remote.ts";
import { type Column, fields } from "../table.ts";
import { interruptText, messageText, pairsShown } from "../task-details.ts";

const SESSION_COLUMNS: readonly Column<SessionSummary>[] = [
  { title: "AGENT", value: (one) => one.agentId, isFlexible: true },
  { title: "SESSION", value: (one) => one.sessionId, isFlexible: true },
  { title: "TURNS", value: (one) => `${one.version}`, isRight: true },
  { title: "MESSAGES", value: (one) => `${one.messageCount}`, isRight: true },
  { title: "FIRST TURN", value: (one) => instant(one.createdAt) },
  { title: "LAST TURN", value: (one) => instant(one.updatedAt) },
];

const INSTANCE_COLUMNS: readonly Column<Instance>[] = [
  { title: "AGENT", value: (one) => one.agentId, isFlexible: true },
  { title: "SESSION", value: (one) => one.sessionId, isFlexible: true },
  { title: "WORKER", value: (one) => one.workerId },
  { title: "STATE", value: (one) => (one.busy ? "busy" : "idle") },
  { title: "TURNS SERVED", value: (one) => `${one.turnCount}`, isRight: true },
  { title: "BUILT", value: (one) => instant(one.createdAt) },
  { title: "LAST USED", value: (one) => instant(one.lastUsedAt) },
];

const SESSION = {
  agent: operand("AGENT", "The agent"),
  session: operand("SESSION", "The session"),
};

export const sessionsCommand = remoteCommand({
  name: "sessions list",
  summary: "Lists sessions, last used first",
  options: { agent: text("AGENT", "Only this agent's"), ...PAGING },
  operands: {},
  async run(given, remote) {
    const { agent: agentId = "" } = given;
    const { items, nextPageToken } = await firstItems(given, async (pageSize, pageToken) => {
      const page = await repeated(remote, (wire) =>
        remote.client.sessions.listSessions({ agentId, pageSize, pageToken }, wire),
      );
      return { items: page.sessions, nextPageToken: page.nextPageToken };
    });
    const listing = { name: "sessions", schema: SessionSummarySchema, columns: SESSION_COLUMNS };
    await showList(remote, { ...listing, items, nextPageToken });
    return EXIT.ok;
  },
});

export const instancesCommand = remoteCommand({
  name: "sessions instances",
  summary: "Lists the live instances of all workers",
  options: {
    agent: text("AGENT", "Only this agent's"),
    worker: text("WORKER", "Only this worker's"),
    ...PAGING,
  },
  operands: {},
  async run(given, remote) {
    const { agent: agentId = "", worker: workerId = "" } = given;
    const { items, nextPageToken } = await firstItems(given, async (pageSize, pageToken) => {
      const request = { agentId, workerId, pageSize, pageToken };
      const page = await repeated(remote, (wire) =>
        remote.client.sessions.listInstances(request, wire),
      );
      return { items: page.instances, nextPageToken: page.nextPageToken };
    });
    const listing = { name: "instances", schema: InstanceSchema, columns: INSTANCE_COLUMNS };
    await showList(remote, { ...listing, items, nextPageToken });
    return EXIT.ok;
  },
});

export const sessionCommand = remoteCommand({
  name: "sessions show",
  summary: "Shows a session: its history, its instance, its unfinished tasks",
  options: {},
  operands: SESSION,
  async run({ agent, session }, remote) {
    const { terminal, isJson, client } = remote;
    const answer = await client.getSession(agent, session, callOptions(remote));
    if (isJson) {
      await terminal.write(document(contractJson(GetSessionResponseSchema, answer)));
      return EXIT.ok;
    }
    const { context, instance, unfinishedTaskIds } = answer;
    const history = (context?.history ?? []).map(
      (message) => [Role[message.role]?.toLowerCase() ?? "", messageText(message)] as const,
    );
    const head = fields(terminal, [
      ["agent", agent],
      ["session", session],
      ["turns", `${context?.version ?? 0n}`],
      ["first turn", instant(context?.createdAt)],
      ["last turn", instant(context?.updatedAt)],
      ["metadata", pairsShown(context?.metadata ?? {})],
      ["trimmed", context?.trimmedMessageCount ? `${context.trimmedMessageCount} messages` : ""],
      [
        "instance",
        instance ? `${instance.busy ? "busy" : "idle"} on ${instance.workerId}` : "none",
      ],
      ["unfinished", unfinishedTaskIds.join("\n")],
      ["asks", (context?.interrupts ?? []).map(interruptText).join("\n")],
    ]);
    await terminal.write(`${head}\n${fields(terminal, history)}`);
    return EXIT.ok;
  },
});

export const destroyCommand = remoteCommand({
  name: "sessions destroy",
  summary: "Cancels a session's tasks, evicts its instance and deletes all of it",
  details: "The exit code is 3 when there was nothing to destroy.",
  options: YES,
  operands: SESSION,
  async run({ agent: agentId, session: sessionId, yes }, remote) {
    const { terminal, isJson, client } = remote;
    const question = `Delete session ${sessionId} of agent ${agentId} for good?`;
    if (!(await confirmed(remote, yes, question))) return EXIT.failed;
    const { destroyed, canceledTaskCount } = await repeated(remote, (wire) =>
      client.sessions.destroySession({ agentId, sessionId }, wire),
    );
    const canceled = `${canceledTaskCount} unfinished tasks canceled`;
    const said = destroyed ? `destroyed, ${canceled}` : `there was no such session; ${canceled}`;
    await terminal.write(isJson ? document({ destroyed, canceledTaskCount }) : `${said}\n`);
    return destroyed || canceledTaskCount > 0 ? EXIT.ok : EXIT.notFound;
  },
});
