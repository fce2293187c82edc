/** What the demo agent says: a few simple skills, and a memory that is the conversation itself. */
import type { BaseMessage } from "@langchain/core/messages";
import type { Reply } from "../scripted-model.ts";

interface Skill {
  readonly when: RegExp;
  readonly reply: (match: RegExpMatchArray, messages: readonly BaseMessage[]) => Reply;
}

const NAME = /\bmy name is\s+([\p{L}][\p{L}'-]*)/iu;

const SKILLS: readonly Skill[] = [
  {
    when: /\b(what('s| is) my name|who am i)\b/i,
    reply: (_match, messages) => {
      const name = knownName(messages);
      return { text: name ? `Your name is ${name}.` : "You have not told me your name yet." };
    },
  },
  { when: NAME, reply: (match) => ({ text: `Nice to meet you, ${match[1]}.` }) },
  {
    when: /\bcount slowly to (\d+)(?: every (\d+) ?ms)?/i,
    reply: (match) =>
      call("count_slowly", {
        to: Number(match[1]),
        ...(match[2] ? { delayMs: Number(match[2]) } : {}),
      }),
  },
  {
    when: /\bwait (?:for )?(\d+) seconds?/i,
    reply: (match) => call("count_slowly", { to: Number(match[1]), delayMs: 1000 }),
  },
  { when: /\bcount to (\d{1,5})\b/i, reply: (match) => ({ text: numbersTo(Number(match[1])) }) },
  {
    when: /\b(?:note(?: that)?|remember(?: that)?)[:\s]+(.+)/is,
    reply: (match) => call("save_note", { text: match[1]?.trim() ?? "" }),
  },
  { when: /\bdelete\b.*\bnotes\b/i, reply: () => call("delete_notes", {}) },
  { when: /\bnotes\b/i, reply: () => call("list_notes", {}) },
  { when: /\b(time|date|today|day is it)\b/i, reply: () => call("clock", {}) },
  {
    when: /[-(]*\d[\d.,]*(?:\s*[-+*/%^()]\s*[\d.,()]*)+/,
    reply: (match) => call("calculator", { expression: match[0].trim().replace(/[.,]+$/, "") }),
  },
];

/** The demo model's reply to a conversation. */
export function demoScript(messages: readonly BaseMessage[]): Reply {
  const last = messages.at(-1);
  if (last?.getType() === "tool") return afterTools(messages);
  const text = last?.text ?? "";
  for (const skill of SKILLS) {
    const match = text.match(skill.when);
    if (match) return skill.reply(match, messages);
  }
  return {
    text: `You said: "${text}". I am an offline demo agent: tell me your name, ask me to calculate 12 * 34, for the time, to note something, or to count slowly to 10.`,
  };
}

function call(name: string, args: Record<string, unknown>): Reply {
  return { toolCalls: [{ name, args }] };
}

function knownName(messages: readonly BaseMessage[]): string | undefined {
  const told = messages.findLast(
    (message) => message.getType() === "human" && NAME.test(message.text),
  );
  return told?.text.match(NAME)?.[1];
}

function numbersTo(count: number): string {
  return Array.from({ length: count }, (_, index) => index + 1).join(" ");
}

function afterTools(messages: readonly BaseMessage[]): Reply {
  const start = messages.findLastIndex((message) => message.getType() !== "tool") + 1;
  const answers = messages.slice(start).map(({ name, text }) => {
    switch (name) {
      case "calculator":
        return `The result is ${text}.`;
      case "clock":
        return `It is ${text}.`;
      case "save_note":
        return `I have ${text.replace(/^saved: /, "noted: ")}.`;
      case "list_notes":
        return text === "[]" ? "There are no notes." : `Your notes: ${text}.`;
      default:
        return `Done: ${text}.`;
    }
  });
  return { text: answers.join(" ") };
}
