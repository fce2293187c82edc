/** A LangGraph.js project as Node loads it: unchanged TypeScript sources, in a process of its own. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const run = promisify(execFile);
const runner = resolve(import.meta.dirname, "serve-project.ts");
const example = resolve(import.meta.dirname, "../../examples/langgraph-project/langgraph.json");

interface Step {
  agent: string;
  text?: string;
  init?: Record<string, unknown>;
}

async function serve(file: string, plan: Step[]): Promise<Record<string, unknown>[]> {
  const { stdout } = await run(process.execPath, [runner, file, JSON.stringify(plan)], {
    env: { PATH: process.env.PATH },
  });
  return stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe("the example project", () => {
  it("is served: compiled graph, builder and factory", async () => {
    const [asked, found, drafted, published, taught] = await serve(example, [
      { agent: "support", text: "hello" },
      {
        agent: "support",
        text: "where is 1001!",
        init: { configurable: { customer: "Ada" }, streaming: true },
      },
      { agent: "writer", init: { input: { topic: "lanes" } } },
      { agent: "writer", init: { resume: true } },
      { agent: "tutor", text: "good morning", init: { configurable: { language: "German" } } },
    ]);
    expect(asked).toMatchObject({
      messages: ["Which order?"],
      state: { mood: "calm", turns: 1 },
      events: ["message"],
    });
    expect(found).toMatchObject({
      messages: [
        "",
        "order 1001 is on its way",
        "Ada, order 1001 is on its way. Yours, Lane & Sons",
      ],
      state: { mood: "upset", turns: 2 },
    });
    expect(found?.events).toContain("toolCallFinished");
    expect(drafted).toMatchObject({
      description: "Drafts a text about a topic, asks for approval, then publishes it.",
      questions: [{ publish: "All about lanes. All about lanes." }],
      inputSchema: {
        properties: { topic: { type: "string", description: "What to write about" } },
      },
    });
    expect(published).toMatchObject({ state: { topic: "lanes", published: true }, questions: [] });
    expect(taught).toMatchObject({ messages: ["In German: good morning"] });
    expect(taught?.events).toContain("progress");
  });
});

describe("a project", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "agentlane-project-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const write = (name: string, content: string): void =>
    writeFileSync(join(directory, name), content);
  const problemOf = async (source: string): Promise<unknown> => {
    write("agent.ts", source);
    write("langgraph.json", JSON.stringify({ graphs: { agent: "./agent.ts:graph" } }));
    const [line] = await serve(join(directory, "langgraph.json"), [{ agent: "agent", text: "hi" }]);
    return line;
  };

  it.each([
    ["a syntax error", "export const graph = ;", /agent\.ts failed to load/],
    ["a namespace", "namespace A { export const b = 1 }; export const graph = A.b;", /agent\.ts/],
    ["an import that is not there", 'import x from "./none.js"; export const graph = x;', /none/],
    ["a package that is not there", 'import x from "no-such"; export const graph = x;', /no-such/],
    ["a top level that throws", 'throw new Error("no luck"); export const graph = 1;', /no luck/],
    ["another export", "export const other = 1;", /it exports other/],
  ])("with %s is refused with the reason", async (_name, source, message) => {
    expect(await problemOf(source)).toMatchObject({
      problems: [{ field: "graph", message: expect.stringMatching(message) }],
    });
  });
});
