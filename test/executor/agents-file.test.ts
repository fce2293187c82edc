import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { AgentlaneError } from "../../src/errors.ts";
import { builtInAgents, loadAgentsFile } from "../../src/executor/agents-file.ts";
import { createLangGraphExecutor } from "../../src/executor/langgraph/executor.ts";

let directory: string;
let environment: Record<string, string | undefined>;
let warnings: string[];
const onWarning = (message: string): number => warnings.push(message);
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "agentlane-agents-"));
  environment = {};
  warnings = [];
});
afterEach(() => rmSync(directory, { recursive: true }));

function write(name: string, content: unknown): string {
  const path = join(directory, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

function load(content: unknown) {
  return loadAgentsFile(write("agents.json", content), { environment, onWarning });
}

function refusal(content: unknown): AgentlaneError {
  try {
    load(content);
  } catch (error) {
    if (error instanceof AgentlaneError) return error;
    throw error;
  }
  throw new Error("the file was expected to be refused");
}

function fieldsOf(content: unknown): string[] {
  return refusal(content).fieldViolations.map(({ field }) => field);
}

describe("agentlane.json", () => {
  it("gives each agent its id, its directory and the defaults", () => {
    const [support] = load({ agents: { support: { template: "echo" } } });
    expect(support).toMatchObject({
      id: "support",
      baseDir: directory,
      framework: "langgraph",
      queue: "agent.tasks",
      maxAttempts: 3,
      retry: { initialBackoffMs: 1000, multiplier: 2, maxBackoffMs: 60_000 },
      history: { maxMessages: 200 },
      tools: [],
    });
  });

  it("reports everything that is wrong at once, each with its key and the file", () => {
    const error = refusal({
      agents: {
        "bad id!": { template: "echo" },
        one: { template: "nonsense", queue: "-", unknown: 1 },
        two: {
          template: "react",
          model: "openai:gpt-5-mini",
          tools: [
            { type: "builtin", name: "calculator" },
            { type: "module", module: "no colon" },
          ],
        },
        three: { template: "chat", retry: { multiplier: 0 }, id: "x" },
        four: { template: "graph" },
        five: {
          template: "react",
          model: "m",
          tools: [{ type: "mcp", name: "both", command: "a", url: "http://b" }],
        },
        six: { template: "echo", tools: [{ type: "builtin", name: "clock" }] },
      },
    });
    expect(error).toMatchObject({ kind: "invalid_argument", reason: "AGENTS_FILE_INVALID" });
    expect(error.message).toContain(join(directory, "agents.json"));
    expect(error.fieldViolations.map(({ field }) => field).sort()).toEqual([
      "agents.bad id!",
      "agents.five.tools[0]",
      "agents.four.graph",
      "agents.one.queue",
      "agents.one.template",
      "agents.one.unknown",
      "agents.six.tools",
      "agents.three.id",
      "agents.three.retry.multiplier",
      "agents.two.tools[1].module",
    ]);
    for (const { field } of error.fieldViolations) expect(error.message).toContain(field);
  });

  it.each([
    ["no JSON", "{", ""],
    ["no agents", { agents: {} }, "agents"],
    ["an unknown key", { agents: { a: { template: "echo" } }, agent: {} }, "agent"],
    ["agents that are no object", { agents: [] }, "agents"],
  ])("refuses %s", (_name, content, field) => {
    expect(fieldsOf(content)).toEqual([field]);
  });

  it("refuses a file that is not there", () => {
    expect(() => loadAgentsFile(join(directory, "none.json"), { environment, onWarning })).toThrow(
      /none\.json.*\n.*cannot be read/,
    );
  });
});

describe("langgraph.json", () => {
  it("makes an agent of each graph", () => {
    const agents = load({
      node_version: "20",
      dependencies: ["."],
      graphs: { agent: "./src/agent.ts:graph", other: { path: "./b.js:x", description: "B" } },
      env: { GIVEN: "file", NEW: "file" },
    });
    expect(agents).toMatchObject([
      { id: "agent", template: "graph", graph: "./src/agent.ts:graph", baseDir: directory },
      { id: "other", template: "graph", graph: "./b.js:x", description: "B" },
    ]);
  });

  it("goes without a file that env names and a fresh clone lacks, and says so", () => {
    expect(load({ graphs: { agent: "./a.ts:graph" }, env: ".env" })).toHaveLength(1);
    expect(warnings).toEqual([expect.stringMatching(/env names .*\.env, which does not exist/)]);
    expect(environment).toEqual({});
  });

  it("sets the variables of env that are not set yet", () => {
    environment = { GIVEN: "process" };
    write(".env", 'GIVEN=file\nNEW="a b" # why\n');
    load({ graphs: { agent: "./a.ts:graph" }, env: ".env" });
    expect(environment).toEqual({ GIVEN: "process", NEW: "a b" });
  });

  it("reports everything that is wrong at once", () => {
    expect(fieldsOf({ graphs: { "bad id": "./a.ts:graph", good: "no colon" }, env: "." })).toEqual([
      "graphs.bad id",
      "graphs.good",
      "env",
    ]);
  });
});

describe("without a file", () => {
  it("there are echo and demo, and with a model chat and react", () => {
    expect(builtInAgents().map(({ id }) => id)).toEqual(["echo", "demo"]);
    const agents = builtInAgents({ model: "openai:gpt-5-mini" });
    expect(agents.map(({ id }) => id)).toEqual(["echo", "demo", "chat", "react"]);
  });

  it("all of them are usable offline", async () => {
    const executor = createLangGraphExecutor({ clock: systemClock });
    for (const agent of builtInAgents()) expect(await executor.validate(agent)).toEqual([]);
  });
});

it("the example files are good", () => {
  const examples = resolve(import.meta.dirname, "../../examples");
  for (const file of ["agents/agentlane.json", "langgraph-project/langgraph.json"]) {
    expect(loadAgentsFile(join(examples, file), { environment, onWarning }).length).toBeGreaterThan(
      2,
    );
  }
});
