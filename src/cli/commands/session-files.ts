/** `agentlane sessions export` and `import`: sessions as files, a line of JSON each. */
import { createReadStream, createWriteStream } from "node:fs";
import { createInterface } from "node:readline";
import { finished } from "node:stream/promises";
import { create, fromJsonString } from "@bufbuild/protobuf";
import { type ExecutionContext, ExecutionContextSchema } from "../../../sdk/typescript/src/node.ts";
import { EXIT, usageError } from "../failure.ts";
import { plural } from "../format.ts";
import { contractJson, document, jsonLine } from "../json.ts";
import { file, flag, optionalOperand, text } from "../options.ts";
import { allPages } from "../paging.ts";
import { startProgress } from "../progress.ts";
import { callOptions, type Remote, remoteCommand, repeated } from "../remote.ts";

const PAGE_SIZE = 100;

export const exportCommand = remoteCommand({
  name: "sessions export",
  summary: "Writes sessions as JSON lines, for a backup or another installation",
  details: "Each line is an ExecutionContext of the contract, checkpoint included.",
  options: {
    all: flag("All sessions"),
    of: text("AGENT", "With --all: only this agent's"),
    output: file("Where to; default: standard output", { short: "o" }),
  },
  operands: {
    agent: optionalOperand("AGENT", "The agent"),
    session: optionalOperand("SESSION", "The session"),
  },
  async run({ all, of, output, agent, session }, remote) {
    if (all === (session !== undefined)) {
      throw usageError("name an agent and its session, or give --all; one of both");
    }
    if (!all && of !== undefined) throw usageError("--of goes with --all");
    const target = output === undefined ? undefined : createWriteStream(output);
    const write = async (line: string): Promise<void> => {
      if (!target) return remote.terminal.write(line);
      await new Promise<void>((resolve, reject) => {
        target.write(line, (error) => (error ? reject(error) : resolve()));
      });
    };
    const progress = startProgress(remote.terminal, "exported", 0);
    let exportedCount = 0;
    try {
      const chosen = all ? sessionsOf(remote, of ?? "") : [[agent ?? "", session ?? ""] as const];
      for await (const [agentId, sessionId] of chosen) {
        const context = await remote.client.exportSession(agentId, sessionId, callOptions(remote));
        await write(jsonLine(contractJson(ExecutionContextSchema, context)));
        progress.advance(++exportedCount);
      }
    } finally {
      progress.end();
      target?.end();
    }
    if (target) await finished(target);
    if (target) await remote.terminal.write(summary(remote, { exportedCount }, "exported"));
    return EXIT.ok;
  },
});

async function* sessionsOf(
  remote: Remote,
  agentId: string,
): AsyncGenerator<readonly [string, string], void> {
  const pages = allPages(PAGE_SIZE, async (pageSize, pageToken) => {
    const page = await repeated(remote, (wire) =>
      remote.client.sessions.listSessions({ agentId, pageSize, pageToken }, wire),
    );
    return { items: page.sessions, nextPageToken: page.nextPageToken };
  });
  for await (const page of pages) {
    for (const session of page) yield [session.agentId, session.sessionId];
  }
}

export const importCommand = remoteCommand({
  name: "sessions import",
  summary: "Creates sessions from what sessions export wrote",
  details: "Ends at the first line that is refused, and names it; those before it are imported.",
  options: { overwrite: flag("Replace sessions that exist") },
  operands: {
    file: optionalOperand("FILE", "JSON lines; default or -: standard input", { isFile: true }),
  },
  async run({ file: path = "-", overwrite }, remote) {
    const input = path === "-" ? remote.terminal.input : createReadStream(path);
    const progress = startProgress(remote.terminal, "imported", 0);
    let importedCount = 0;
    let lineCount = 0;
    try {
      for await (const line of createInterface({ input })) {
        lineCount += 1;
        if (line.trim() === "") continue;
        const context = parseContext(
          line,
          `${path === "-" ? "standard input" : path}:${lineCount}`,
        );
        const options = { ...callOptions(remote), overwrite };
        await remote.client.importSession(create(ExecutionContextSchema, context), options);
        progress.advance(++importedCount);
      }
    } finally {
      progress.end();
    }
    await remote.terminal.write(summary(remote, { importedCount }, "imported"));
    return EXIT.ok;
  },
});

function parseContext(line: string, place: string): ExecutionContext {
  try {
    return fromJsonString(ExecutionContextSchema, line);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw usageError(`${place} is no exported session: ${reason}`);
  }
}

function summary({ isJson }: Remote, counts: Record<string, number>, verb: string): string {
  const [count = 0] = Object.values(counts);
  return isJson ? document(counts) : `${verb} ${plural(count, "session")}\n`;
}
