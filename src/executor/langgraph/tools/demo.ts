/** The demo agent's own tools: notes that live in the conversation, and things that take time. */
import "../environment.ts";
import type { BaseMessage } from "@langchain/core/messages";
import { type StructuredToolInterface, tool } from "@langchain/core/tools";
import { interrupt, type LangGraphRunnableConfig } from "@langchain/langgraph";
import { z } from "zod";
import type { Clock } from "../../../clock.ts";
import { property } from "../json.ts";
import { isMessage } from "../node-output.ts";

export function demoTools(clock: Clock): StructuredToolInterface[] {
  const saveNote = tool(({ text }: { text: string }) => `saved: ${text}`, {
    name: "save_note",
    description: "Saves a note for this conversation",
    schema: z.object({ text: z.string().max(4000) }),
  });
  const listNotes = tool(
    (_input: object, runtime: unknown) => JSON.stringify(notesIn(messagesOf(runtime))),
    { name: "list_notes", description: "Lists the notes", schema: z.object({}) },
  );
  const deleteNotes = tool(
    (_input: object, runtime: unknown) => {
      const count = notesIn(messagesOf(runtime)).length;
      const answer: unknown = interrupt({ question: `Delete ${count} notes?`, count });
      return isYes(answer) ? `deleted ${count} notes` : "not deleted: the user said no";
    },
    {
      name: "delete_notes",
      description: "Deletes all notes, after the user has agreed",
      schema: z.object({}),
    },
  );
  const countSlowly = tool(
    async ({ to, delayMs }: { to: number; delayMs: number }, config: LangGraphRunnableConfig) => {
      for (let count = 1; count <= to; count++) {
        await clock.sleep(delayMs, config.signal);
        config.signal?.throwIfAborted();
        config.writer?.({ count, of: to });
      }
      return `counted to ${to}`;
    },
    {
      name: "count_slowly",
      description: "Counts with a pause before each number and reports each as progress",
      schema: z.object({
        to: z.number().int().min(1).max(100_000),
        delayMs: z.number().int().min(0).max(60_000).default(500).describe("Pause in ms"),
      }),
    },
  );
  return [saveNote, listNotes, deleteNotes, countSlowly];
}

/** Notes saved since they were last deleted: the conversation is the store. */
export function notesIn(messages: readonly BaseMessage[]): string[] {
  let notes: string[] = [];
  for (const message of messages) {
    if (message.getType() !== "tool") continue;
    const saved = /^saved: (.*)$/s.exec(message.text);
    if (message.name === "save_note" && saved?.[1] !== undefined) notes.push(saved[1]);
    if (message.name === "delete_notes" && message.text.startsWith("deleted")) notes = [];
  }
  return notes;
}

function messagesOf(runtime: unknown): BaseMessage[] {
  const messages = property(property(runtime, "state"), "messages");
  return Array.isArray(messages) ? messages.filter(isMessage) : [];
}

function isYes(answer: unknown): boolean {
  return (
    answer === true || (typeof answer === "string" && /^\s*(y|yes|ok|sure|true)\b/i.test(answer))
  );
}
