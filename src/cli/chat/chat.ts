/** The conversation: lines in, turns out, commands that begin with a slash. */
import { type JsonValue, toJson } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import {
  AgentlaneError as CallError,
  type GetSessionResponse,
  Role,
} from "../../../sdk/typescript/src/node.ts";
import { EXIT, failureOf, report } from "../failure.ts";
import { type Remote, repeated } from "../remote.ts";
import { printable } from "../table.ts";
import { messageText } from "../task-details.ts";
import { styled } from "../terminal.ts";
import { openPrompt, type Prompt } from "./prompt.ts";
import { startTranscript, type Transcript } from "./transcript.ts";
import { createTurns, type Turns } from "./turns.ts";

const HELP = `/history          what was said in this session
/session [NAME]   tell the session's name, or go on with another one
/quit             leave, as Ctrl-D does
/help             this
Ctrl-C cancels the running turn; a second one leaves. A line that begins with // is said with one /.
An answer to a question is text, or JSON where it is true, false, a number, an object or a list.
`;

export async function runChat(remote: Remote, agentId: string, first: string): Promise<number> {
  const { terminal, isJson } = remote;
  const transcript = startTranscript(terminal, isJson);
  const turns = createTurns(remote, transcript);
  let isLeaving = false;
  let isWarned = false;
  const interrupt = (): void => {
    if (turns.cancel()) return;
    if (!isWarned && terminal.isInteractive && !turns.isRunning()) {
      isWarned = true;
      terminal.writeError("\n(Ctrl-C again or /quit leaves)\n");
      prompt.refresh();
      return;
    }
    isLeaving = true;
    turns.giveUp();
    prompt.close();
  };
  const prompt = openPrompt(terminal, interrupt);
  remote.onInterrupt(interrupt);
  remote.signal.addEventListener("abort", () => prompt.close(), { once: true });
  const chat: Chat = { remote, transcript, turns, prompt, agentId, sessionId: first, open: [] };
  try {
    chat.open = await openQuestions(chat);
    if (terminal.isInteractive && !isJson) await greet(chat);
    const exitCode = await converse(chat, () => (isWarned = false));
    return isLeaving ? EXIT.interrupted : exitCode;
  } finally {
    prompt.close();
  }
}

interface Chat {
  readonly remote: Remote;
  readonly transcript: Transcript;
  readonly turns: Turns;
  readonly prompt: Prompt;
  readonly agentId: string;
  sessionId: string;
  /** Questions of the agent that the next turn answers. */
  open: readonly JsonValue[];
}

/** To the end of the input; answers with the exit code of the first turn that failed. */
async function converse(chat: Chat, onLine: () => void): Promise<number> {
  let exitCode: number = EXIT.ok;
  for (;;) {
    const said = await (chat.open.length > 0 ? readAnswers(chat) : readLine(chat, "you> "));
    if (said === undefined) return exitCode;
    onLine();
    if (typeof said === "string" && said.trim() === "") continue;
    const { agentId, sessionId } = chat;
    const isAnswer = typeof said !== "string";
    const end = await chat.turns.run({
      ...{ agentId, sessionId },
      ...(isAnswer ? { resume: said.answer } : { text: said }),
    });
    chat.open = end.questions;
    if (exitCode === EXIT.ok) exitCode = end.exitCode;
    // A question that was not answered stays open.
    if (isAnswer && end.exitCode !== EXIT.ok) chat.open = await openQuestions(chat);
  }
}

/** A line to say; commands are carried out on the way. */
async function readLine(chat: Chat, label: string): Promise<string | undefined> {
  const { terminal } = chat.remote;
  for (;;) {
    const line = await chat.prompt.read(styled(terminal, "bold", label));
    if (line === undefined || !line.startsWith("/")) return line;
    if (line.startsWith("//")) return line.slice(1);
    const [command = "", ...words] = line.trim().split(/\s+/);
    if (command === "/quit") return undefined;
    const before = chat.sessionId;
    try {
      await carryOut(chat, command, words);
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      report(terminal, chat.remote.isJson, failureOf(error, chat.remote.url));
    }
    // Another session, other questions.
    if (chat.sessionId !== before) return "";
  }
}

async function carryOut(chat: Chat, command: string, words: readonly string[]): Promise<void> {
  const { transcript } = chat;
  const [name] = words;
  switch (command) {
    case "/help":
      return chat.remote.terminal.write(HELP);
    case "/history":
      return showHistory(chat);
    case "/session":
      if (name !== undefined) {
        chat.open = await openQuestions({ ...chat, sessionId: name });
        chat.sessionId = name;
      }
      return transcript.notice(`session ${chat.sessionId} of ${chat.agentId}`);
    default:
      return transcript.notice(`unknown command ${command}; /help tells them`);
  }
}

/** One line for each open question. */
async function readAnswers(chat: Chat): Promise<{ answer: JsonValue } | string | undefined> {
  const { open, sessionId } = chat;
  const answers: JsonValue[] = [];
  for (const question of open) {
    await chat.transcript.notice(`question: ${questionText(question)}`);
    const line = await readLine(chat, "answer> ");
    if (line === undefined) return undefined;
    if (chat.sessionId !== sessionId) return "";
    answers.push(answerOf(line));
  }
  const [only = null] = answers;
  return { answer: answers.length === 1 ? only : answers };
}

function answerOf(line: string): JsonValue {
  if (!/^\s*([[{]|-?\d|true\s*$|false\s*$)/.test(line)) return line;
  try {
    return JSON.parse(line) as JsonValue;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return line;
  }
}

function questionText(question: JsonValue): string {
  return typeof question === "string" ? question : JSON.stringify(question);
}

async function greet({ remote, agentId, sessionId, transcript }: Chat): Promise<void> {
  await transcript.notice(`${agentId} at ${remote.url}, session ${sessionId}; /help tells more`);
}

async function showHistory(chat: Chat): Promise<void> {
  const { terminal } = chat.remote;
  const history = (await session(chat))?.context?.history ?? [];
  for (const message of history) {
    const who = styled(terminal, "bold", `${Role[message.role]?.toLowerCase() ?? ""}>`);
    await terminal.write(`${who} ${printable(messageText(message))}\n`);
  }
  if (history.length === 0) await chat.transcript.notice("nothing was said yet");
}

async function openQuestions(chat: Chat): Promise<readonly JsonValue[]> {
  const interrupts = (await session(chat))?.context?.interrupts ?? [];
  return interrupts.map(({ value }) => (value ? toJson(ValueSchema, value) : null));
}

/** Undefined before its first turn. */
async function session({
  remote,
  agentId,
  sessionId,
}: Chat): Promise<GetSessionResponse | undefined> {
  try {
    const { sessions } = remote.client;
    return await repeated(remote, (wire) => sessions.getSession({ agentId, sessionId }, wire));
  } catch (error) {
    if (error instanceof CallError && error.code === "NOT_FOUND") return undefined;
    throw error;
  }
}
