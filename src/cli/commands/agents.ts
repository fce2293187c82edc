/** `agentlane agents`: what is served. */
import { readFileSync } from "node:fs";
import type { JsonObject } from "@bufbuild/protobuf";
import {
  type AgentDescription,
  AgentDescriptionSchema,
  AgentlaneError as CallError,
  ValidateAgentResponseSchema,
} from "../../../sdk/typescript/src/node.ts";
import { EXIT, usageError } from "../failure.ts";
import { duration } from "../format.ts";
import { contractJson, document } from "../json.ts";
import { showList } from "../listing.ts";
import { file, operand, optionalOperand } from "../options.ts";
import { type Remote, remoteCommand, repeated } from "../remote.ts";
import { type Column, fields } from "../table.ts";
import type { Terminal } from "../terminal.ts";

const COLUMNS: readonly Column<AgentDescription>[] = [
  { title: "AGENT", value: (agent) => agent.agentId },
  { title: "TEMPLATE", value: (agent) => agent.template },
  { title: "MODEL", value: (agent) => agent.model },
  { title: "QUEUE", value: (agent) => agent.queue },
  { title: "TOOLS", value: (agent) => `${agent.tools.length}`, isRight: true },
  { title: "ATTEMPTS", value: (agent) => `${agent.maxAttempts}`, isRight: true },
  { title: "TIMEOUT", value: (agent) => duration(agent.timeout), isRight: true },
  { title: "DESCRIPTION", value: (agent) => agent.description, isFlexible: true },
];

export const agentsCommand = remoteCommand({
  name: "agents list",
  summary: "Lists the agents that are served",
  options: {},
  operands: {},
  async run(_given, remote) {
    const { agents: items } = await listed(remote);
    const listing = { name: "agents", schema: AgentDescriptionSchema, columns: COLUMNS };
    await showList(remote, { ...listing, items, nextPageToken: "" });
    return EXIT.ok;
  },
});

export const agentCommand = remoteCommand({
  name: "agents show",
  summary: "Shows an agent: its tools, limits and input schema",
  options: {},
  operands: { agent: operand("AGENT", "Its id") },
  async run({ agent: agentId }, remote) {
    const { agents } = await listed(remote);
    const agent = agents.find((one) => one.agentId === agentId);
    if (!agent) {
      const known = agents.map((one) => one.agentId).join(", ");
      const message = `no agent "${agentId}" is served here; there are ${known}`;
      throw new CallError(message, { code: "NOT_FOUND", reason: "AGENT_NOT_FOUND" });
    }
    const { terminal, isJson } = remote;
    await terminal.write(
      isJson ? document(contractJson(AgentDescriptionSchema, agent)) : details(terminal, agent),
    );
    return EXIT.ok;
  },
});

export const validateAgentCommand = remoteCommand({
  name: "agents validate",
  summary: "Asks the server whether an agent, or a definition, is usable",
  options: { file: file("A definition: the JSON of one entry of agentlane.json's agents") },
  operands: { agent: optionalOperand("AGENT", "A served agent") },
  async run({ agent, file: path }, remote) {
    if ((agent === undefined) === (path === undefined)) {
      throw usageError("name an agent, or give --file; one of both");
    }
    const { terminal, isJson, client } = remote;
    const subject =
      path === undefined
        ? { case: "agentId" as const, value: agent ?? "" }
        : { case: "definition" as const, value: readDefinition(path) };
    const answer = await repeated(remote, (wire) =>
      client.operations.validateAgent({ subject }, wire),
    );
    const problems = answer.problems.map(
      ({ field, message }) => `${field && `${field}: `}${message}`,
    );
    const lines = answer.valid ? ["valid"] : problems;
    await terminal.write(
      isJson
        ? document(contractJson(ValidateAgentResponseSchema, answer))
        : `${lines.join("\n")}\n`,
    );
    return answer.valid ? EXIT.ok : EXIT.failed;
  },
});

function listed(remote: Remote) {
  return repeated(remote, (wire) => remote.client.operations.listAgents({}, wire));
}

function details(terminal: Terminal, agent: AgentDescription): string {
  return fields(terminal, [
    ["agent", agent.agentId],
    ["description", agent.description],
    ["template", agent.template],
    ["framework", agent.framework],
    ["model", agent.model],
    ["queue", agent.queue],
    ["can", agent.capabilities.join(", ")],
    ["attempts", `${agent.maxAttempts}`],
    ["timeout", duration(agent.timeout)],
    ["tools", agent.tools.map((tool) => `${tool.name}: ${tool.description}`).join("\n")],
    ["input", agent.inputSchema ? JSON.stringify(agent.inputSchema, null, 2) : ""],
  ]);
}

function readDefinition(path: string): JsonObject {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return value as JsonObject;
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw usageError(`${path} is no JSON: ${error.message}`);
  }
  throw usageError(`${path} holds no JSON object`);
}
