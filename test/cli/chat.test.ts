/** `agentlane chat`, in a pipe and at a pseudo terminal. */
import { spawnSync } from "node:child_process";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { connect, TaskState } from "../../sdk/typescript/src/node.ts";
import { startTcpProxy } from "../fakes/tcp-proxy.ts";
import { launch, run } from "../harness/process.ts";
import { type Program, startProgram } from "../harness/program.ts";

// Many processes, each of which takes a second and more on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

let program: Program;
let environment: Record<string, string>;

beforeEach(async () => {
  program = await startProgram();
  environment = { AGENTLANE_URL: program.baseUrl };
});

afterEach(async () => {
  await program.stop();
});

describe("in a pipe", () => {
  it("each line is a turn; answers go to standard output, notices to standard error", async () => {
    const lines = "my name is Ada\n\nWhat is 12 * 34?\nwho am I\n";
    const { code, output, errors } = await run(["chat", "demo"], environment, lines);
    expect([code, output]).toEqual([
      0,
      "Nice to meet you, Ada.\nThe result is 408.\nYour name is Ada.\n",
    ]);
    expect(errors).toBe('[tool calculator {"expression":"12 * 34"}]\n[tool calculator → 408]\n');
  });

  it("answers questions, those of an earlier chat too", async () => {
    const words = ["chat", "demo", "--session", "notes"];
    const first = await run(words, environment, "note that x\ndelete my notes\n");
    expect(first.code).toBe(0);
    expect(first.errors).toContain("question: ");
    const second = await run(words, environment, "yes\n/history\n");
    expect(second.errors).toContain("Delete 1 notes?");
    expect(second.output).toContain("Done: deleted 1 notes.");
    expect(second.output).toContain("user> delete my notes");
  });

  it("does what lines with a slash say", async () => {
    const lines = "/session other\nmy name is Bo\n/session\n/what\n//slash\n/help\n/quit\nnever\n";
    const { code, output, errors } = await run(["chat", "demo"], environment, lines);
    expect(code).toBe(0);
    expect(errors).toContain("[session other of demo]");
    expect(errors).toContain("unknown command /what");
    expect(output).toContain('You said: "/slash"');
    expect(output).toContain("/history ");
    expect(output).not.toContain("never");
  });

  it("streams the contract's events with --json", async () => {
    const { output } = await run(["chat", "echo", "--json"], environment, "one two\n");
    const events = output
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index + 1));
    expect(events.at(-1).event.stateChange.state).toBe("TASK_STATE_COMPLETED");
  });

  it("goes on after a turn that failed, and ends with its exit code", async () => {
    const { code, output, errors } = await run(["chat", "nobody"], environment, "a\nb\n");
    expect([code, output]).toEqual([3, ""]);
    expect(errors.match(/agentlane: /g)).toHaveLength(2);
  });
});

describe.skipIf(spawnSync("script", ["--version"]).error)("at a terminal", () => {
  it("streams, cancels the running turn with Ctrl-C, goes on, and leaves with a second one", async () => {
    const chat = launch(["chat", "demo", "--session", "tty"], environment, true);
    await chat.prints("session tty");
    chat.write("count slowly to 1000 every 50 ms\r");
    await chat.prints('"count":3');
    chat.write("\u0003");
    await chat.prints("[canceled]");
    const { tasks } = await program.tasks.listTasks({ sessionId: "tty" });
    expect(tasks.map(({ state }) => state)).toEqual([TaskState.CANCELED]);
    chat.write("What is 2 * 21?\r");
    await chat.prints(/The result is 42\.\s.*you> /s);
    chat.write("\u0003");
    await chat.prints("Ctrl-C again");
    chat.write("\u0003");
    expect(await chat.exited).toBe(130);
  });

  it("leaves a turn that does not stop with the second Ctrl-C, and Ctrl-D leaves as /quit does", async () => {
    const left = launch(["chat", "demo"], environment, true);
    await left.prints("/help");
    left.write("count slowly to 1000 every 50 ms\r");
    await left.prints('"count":2');
    left.write("\u0003\u0003");
    expect(await left.exited).toBe(130);
    const quit = launch(["chat", "demo"], environment, true);
    await quit.prints("/help");
    quit.write("note that x\r");
    await quit.prints("I have noted: x.");
    quit.write("delete my notes\r");
    await quit.prints("answer> ");
    quit.write("yes\r");
    await quit.prints("Done: deleted 1 notes.");
    quit.write("\u0004");
    expect(await quit.exited).toBe(0);
  });

  it("survives the loss of its connection in the middle of a turn", async () => {
    const proxy = await startTcpProxy(program.runtime.server.address().port);
    const through = { AGENTLANE_URL: `http://127.0.0.1:${proxy.port}` };
    const chat = launch(["chat", "demo", "--session", "cut"], through, true);
    await chat.prints("session cut");
    chat.write("count slowly to 30 every 20 ms\r");
    await chat.prints('"count":2');
    proxy.cut();
    await chat.prints("Done: counted to 30.");
    chat.write("/quit\r");
    expect(await chat.exited).toBe(0);
    const client = connect(program.baseUrl);
    expect((await client.getSession("demo", "cut")).context?.version).toBe(1n);
    client.close();
    await proxy.stop();
  });
});
