/** A task in full, for people. */
import { type JsonValue, toJson } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import {
  type Attempt,
  AttemptOutcome,
  type ContentPart,
  type Interrupt,
  type Message,
  Priority,
  type Task,
  type TaskError,
} from "../../sdk/typescript/src/node.ts";
import { between, instant, stateName } from "./format.ts";
import { type Column, fields, table } from "./table.ts";
import type { Terminal } from "./terminal.ts";

export function taskDetails(terminal: Terminal, task: Task): string {
  const head = fields(terminal, [
    ["task", task.taskId],
    ["agent", task.agentId],
    ["session", task.sessionId],
    ["state", stateName(task.state)],
    ["priority", Priority[task.priority] ?? ""],
    ["queue", task.queue],
    ["accepted", instant(task.createdAt)],
    ["started", instant(task.startedAt)],
    ["finished", instant(task.finishedAt)],
    ["ran", between(task.startedAt, task.finishedAt)],
    ["next attempt", instant(task.nextAttemptAt)],
    ["deadline", instant(task.deadline)],
    ["cancel asked", instant(task.cancelRequestedAt)],
    ["attempts", `${task.consumedAttempts} of ${task.maxAttempts} consumed`],
    ["redriven", task.redriveCount > 0 ? `${task.redriveCount} times` : ""],
    ["events", `${task.lastSequence}`],
    ["key", task.idempotencyKey],
    ["metadata", pairsShown(task.metadata)],
    ["trace", task.traceId],
    ["error", task.error ? errorShown(task.error) : ""],
    ["tokens", usageShown(task)],
    ["asks", (task.result?.interrupts ?? []).map(interruptText).join("\n")],
    ["answer", messageText(task.result?.messages.at(-1))],
  ]);
  if (task.attempts.length === 0) return head;
  return `${head}\n${table(terminal, ATTEMPT_COLUMNS, task.attempts)}`;
}

const ATTEMPT_COLUMNS: readonly Column<Attempt>[] = [
  { title: "ATTEMPT", value: ({ attempt }) => `${attempt}`, isRight: true },
  { title: "OUTCOME", value: ({ outcome }) => outcomeShown(outcome) },
  { title: "STARTED", value: ({ startedAt }) => instant(startedAt) },
  { title: "RAN", value: ({ startedAt, finishedAt }) => between(startedAt, finishedAt) },
  { title: "WORKER", value: ({ workerId }) => workerId },
  {
    title: "ERROR",
    value: ({ error }) => (error ? errorShown(error) : ""),
    isFlexible: true,
  },
];

function outcomeShown(outcome: AttemptOutcome): string {
  return outcome === AttemptOutcome.UNSPECIFIED ? "running" : (AttemptOutcome[outcome] ?? "");
}

export function errorShown({ reason, message, causes }: TaskError): string {
  const because = causes.filter((cause) => cause !== message).map((cause) => `\nbecause ${cause}`);
  return `${reason}: ${message}${because.join("")}`;
}

function usageShown({ result }: Task): string {
  const usage = result?.usage;
  return usage ? `${usage.inputTokens} read, ${usage.outputTokens} written` : "";
}

export function pairsShown(pairs: Readonly<Record<string, string>>): string {
  return Object.entries(pairs)
    .map(([key, value]) => `${key}=${value}`)
    .join(", ");
}

/** The question itself where it is one, its JSON otherwise. */
export function interruptText({ value }: Pick<Interrupt, "value">): string {
  const json: JsonValue = value ? toJson(ValueSchema, value) : null;
  if (typeof json === "string") return json;
  const isObject = typeof json === "object" && json !== null && !Array.isArray(json);
  const question = isObject ? json.question : undefined;
  const text = JSON.stringify(json);
  return typeof question === "string" ? `${question} ${text}` : text;
}

/** What a message says; what is no text by a name in brackets. */
export function messageText(message: Message | undefined): string {
  return (message?.content ?? []).map(partText).filter(Boolean).join(" ");
}

function partText({ part }: ContentPart): string {
  switch (part.case) {
    case "text":
      return part.value;
    case "toolCall":
      return `[calls ${part.value.name} ${JSON.stringify(part.value.arguments ?? {})}]`;
    case "toolResult":
      return part.value.text;
    case "json":
      return JSON.stringify(toJson(ValueSchema, part.value));
    case "image":
    case "file":
      return `[${part.case}]`;
    default:
      return "";
  }
}
