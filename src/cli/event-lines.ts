/** An event of a task's log as a line for people. */
import { type JsonValue, toJson } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import {
  Role,
  type StreamEvent,
  type TaskEvent,
  type TaskStateChange,
} from "../../sdk/typescript/src/node.ts";
import { duration, instant, stateName, stateStyle, timeOfDay } from "./format.ts";
import { cutTo, oneLine } from "./table.ts";
import { errorShown, interruptText, messageText } from "./task-details.ts";
import { styled, type Terminal } from "./terminal.ts";

export function eventLine(terminal: Terminal, { sequence, attempt, event }: StreamEvent): string {
  const [kind, about] = described(event);
  const head = `${String(sequence).padStart(6)}  ${timeOfDay(event.createdAt)}  ${attempt}  ${kind.padEnd(8)}`;
  const room = terminal.columns === undefined ? Number.POSITIVE_INFINITY : terminal.columns;
  const line = cutTo(`${head}  ${oneLine(about)}`.trimEnd(), room);
  const style = event.kind.case === "stateChange" ? stateStyle(event.kind.value) : undefined;
  return style ? styled(terminal, style, line) : line;
}

function described({ kind }: TaskEvent): readonly [string, string] {
  switch (kind.case) {
    case "stateChange":
      return ["state", stateChangeShown(kind.value)];
    case "chunk":
      return ["chunk", JSON.stringify(kind.value.choices[0]?.delta?.content ?? "")];
    case "message": {
      const role = Role[kind.value.role]?.toLowerCase() ?? "";
      return ["message", `${role}: ${messageText(kind.value)}`];
    }
    case "toolCallStarted":
      return ["tool", toolCallShown(kind.value.call)];
    case "toolCallFinished": {
      const { name, result, duration: took } = kind.value;
      return ["tool", `${toolResultShown(name, result)} (${duration(took)})`];
    }
    case "progress":
      return ["progress", valueShown(kind.value.data)];
    case "nodeUpdate":
      return ["node", `${kind.value.node} ${valueShown(kind.value.update)}`];
    default:
      return ["event", ""];
  }
}

function stateChangeShown({ state, error, nextAttemptAt, workerId, result }: TaskStateChange) {
  return [
    stateName(state),
    workerId && `on ${workerId}`,
    error && errorShown(error),
    nextAttemptAt && `next attempt at ${instant(nextAttemptAt)}`,
    ...(result?.interrupts ?? []).map(interruptText),
  ]
    .filter(Boolean)
    .join("  ");
}

export function toolCallShown(
  call: { readonly name: string; readonly arguments?: unknown } | undefined,
): string {
  return `${call?.name ?? ""} ${JSON.stringify(call?.arguments ?? {})}`;
}

export function toolResultShown(
  name: string,
  result: { readonly text: string; readonly isError: boolean } | undefined,
): string {
  return `${name} ${result?.isError ? "failed" : "→"} ${result?.text ?? ""}`;
}

export function valueShown(value: Parameters<typeof toJsonOf>[0]): string {
  return JSON.stringify(toJsonOf(value));
}

function toJsonOf(value: Parameters<typeof toJson<typeof ValueSchema>>[1] | undefined): JsonValue {
  return value ? toJson(ValueSchema, value) : null;
}
