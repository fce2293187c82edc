/** What a page does with the SDK; browser.test.ts calls it, and looks at what it answers. */
import { AgentlaneError, connect, TaskState } from "../../../sdk/typescript/src/web.ts";

export async function execute(url: string): Promise<string> {
  return (await connect(url).execute({ agentId: "echo", text: "in a browser 👋" })).text;
}

export async function stream(url: string, sessionId: string, tokens: number) {
  const configurable = { tokens, delayMs: 2 };
  const turn = connect(url).stream({ agentId: "echo", sessionId, text: "x", configurable });
  const sequences: number[] = [];
  for await (const { sequence } of turn) sequences.push(sequence);
  return { sequences, text: turn.text, state: TaskState[turn.state ?? 0] };
}

/** Answers with the task that it has left. */
export async function leave(url: string): Promise<string> {
  const configurable = { tokens: 10_000, delayMs: 20 };
  const turn = connect(url).stream({ agentId: "echo", sessionId: "left", text: "x", configurable });
  for await (const { text } of turn) if (text !== "") break;
  return turn.taskId;
}

export async function giveUp(url: string): Promise<string> {
  const configurable = { tokens: 1, delayMs: 60_000 };
  const turn = { agentId: "echo", sessionId: "given-up", text: "x", configurable };
  return codeOf(connect(url).execute(turn, { signal: AbortSignal.timeout(300) }));
}

export async function refusal(url: string): Promise<string> {
  return codeOf(connect(url).execute({ agentId: "a#b", text: "x" }));
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "OK";
  } catch (error) {
    if (!(error instanceof AgentlaneError)) return String(error);
    const fields = error.fieldViolations.map(({ field }) => field);
    return [error.code, error.reason, ...fields].join(" ");
  }
}
