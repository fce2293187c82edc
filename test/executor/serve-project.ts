/**
 * Run by project.test.ts in a process of its own, because there Node loads the modules and not vite:
 * reads an agents file, runs turns given on the command line, prints what came out as JSON lines.
 */
import { toJson } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import { systemClock } from "../../src/clock.ts";
import { loadAgentsFile } from "../../src/executor/agents-file.ts";
import { createLangGraphExecutor } from "../../src/executor/langgraph/executor.ts";
import { conversation, type TurnInit, textOf } from "./harness.ts";

interface Step {
  readonly agent: string;
  readonly text?: string;
  readonly init?: TurnInit;
}

const [file = "", plan = "[]"] = process.argv.slice(2);
const executor = createLangGraphExecutor({ clock: systemClock });
await executor.start();
const sessions = new Map(
  loadAgentsFile(file, { environment: process.env, onWarning: () => undefined }).map((agent) => [
    agent.id,
    { agent, ...conversation(executor, agent) },
  ]),
);
for (const step of JSON.parse(plan) as Step[]) {
  const session = sessions.get(step.agent);
  if (!session) throw new Error(`no agent ${step.agent}`);
  const problems = await executor.validate(session.agent);
  if (problems.length > 0) {
    print({ problems: problems.map(({ field, message }) => ({ field, message })) });
    continue;
  }
  const { outcome, events } = await session.say(step.text, step.init);
  print({
    messages: outcome.messages.map(textOf),
    state: outcome.state,
    questions: outcome.interrupts.map(({ value }) => value && toJson(ValueSchema, value)),
    events: events.map((kind) => kind.case),
    description: session.agent.description,
    inputSchema: (await executor.describe(session.agent)).inputSchema,
  });
}
await executor.stop();

function print(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
