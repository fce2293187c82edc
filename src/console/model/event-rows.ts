/** A task's log as rows of a table; text that came in many pieces is one row. */
import { type JsonValue, toJson } from "@bufbuild/protobuf";
import { MessageSchema } from "../../../gen/agentlane/v1/content_pb.js";
import { type TaskEvent, TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import { atMs, durationMs, formatDuration } from "./format.ts";
import { codeName, roleName, stateName, stateTone, type Tone } from "./states.ts";
import { jsonOf, type LogEntry } from "./turn-view.ts";

export type EventKind = "state" | "text" | "message" | "tool" | "progress" | "node";

export interface EventRow {
  readonly sequence: number;
  /** The same as `sequence` unless pieces were joined. */
  readonly lastSequence: number;
  readonly attempt: number;
  /** Unix ms. */
  readonly at: number;
  readonly kind: EventKind;
  readonly title: string;
  readonly text: string;
  readonly tone: Tone;
  /** More, for those who want it. */
  readonly detail?: JsonValue;
  /** Of the model message whose pieces are joined. */
  readonly messageId?: string;
}

/** A longer log shows its newest rows. */
export const MAX_ROWS = 1000;
const MAX_TEXT = 4000;

export interface EventLog {
  readonly rows: readonly EventRow[];
  /** Rows that are no longer shown. */
  readonly droppedCount: number;
  readonly lastSequence: number;
}

export const EMPTY_LOG: EventLog = { rows: [], droppedCount: 0, lastSequence: 0 };

export function withEntries(log: EventLog, entries: readonly LogEntry[]): EventLog {
  const rows = [...log.rows];
  for (const entry of entries) {
    const row = rowOf(entry);
    const last = rows.at(-1);
    const isNext =
      row.messageId !== undefined &&
      last?.messageId === row.messageId &&
      last.attempt === row.attempt;
    if (!isNext) rows.push(row);
    else {
      const text = (last.text + row.text).slice(-MAX_TEXT);
      rows[rows.length - 1] = { ...last, lastSequence: row.sequence, text };
    }
  }
  const excess = Math.max(0, rows.length - MAX_ROWS);
  return {
    rows: rows.slice(excess),
    droppedCount: log.droppedCount + excess,
    lastSequence: entries.at(-1)?.sequence ?? log.lastSequence,
  };
}

function rowOf({ sequence, attempt, event }: LogEntry): EventRow {
  const base = { sequence, lastSequence: sequence, attempt, at: atMs(event?.createdAt) ?? 0 };
  return { ...base, ...describe(event?.kind) };
}

type Described = Pick<EventRow, "kind" | "title" | "text" | "tone" | "detail" | "messageId">;

function describe(kind: TaskEvent["kind"] | undefined): Described {
  switch (kind?.case) {
    case "stateChange":
      return describeChange(kind.value);
    case "chunk": {
      const { id, choices } = kind.value;
      const delta = choices[0]?.delta;
      if (delta && delta.toolCalls.length > 0) {
        const text = delta.toolCalls.map((call) => call.function?.arguments ?? "").join("");
        const title = "Tool call written";
        return { kind: "tool", title, text, tone: "neutral", messageId: `${id} tool` };
      }
      const text = delta?.content ?? delta?.reasoningContent ?? delta?.refusal ?? "";
      return { kind: "text", title: "Text", text, tone: "neutral", messageId: id };
    }
    case "message": {
      const { role, content } = kind.value;
      const text = content.map(({ part }) => (part.case === "text" ? part.value : "")).join("");
      const detail = toJson(MessageSchema, kind.value);
      const title = `${roleName(role)} message`;
      return { kind: "message", title, text: text.slice(0, MAX_TEXT), tone: "neutral", detail };
    }
    case "toolCallStarted": {
      const { name = "", arguments: args = {} } = kind.value.call ?? {};
      return { kind: "tool", title: `${name} called`, text: JSON.stringify(args), tone: "info" };
    }
    case "toolCallFinished": {
      const { name, result, duration } = kind.value;
      const title = `${name} ${result?.isError ? "failed" : "answered"} after ${formatDuration(durationMs(duration))}`;
      const text = (result?.text ?? "").slice(0, MAX_TEXT);
      return { kind: "tool", title, text, tone: result?.isError ? "bad" : "good" };
    }
    case "progress": {
      const data = jsonOf(kind.value.data);
      const title = kind.value.node ? `Progress of ${kind.value.node}` : "Progress";
      return { kind: "progress", title, text: JSON.stringify(data), tone: "neutral" };
    }
    case "nodeUpdate": {
      const detail = jsonOf(kind.value.update);
      return {
        kind: "node",
        title: `${kind.value.node} finished`,
        text: "",
        tone: "neutral",
        detail,
      };
    }
    default:
      return { kind: "state", title: "An event newer than this page", text: "", tone: "neutral" };
  }
}

function describeChange(
  change: Extract<TaskEvent["kind"], { case: "stateChange" }>["value"],
): Described {
  const { state, error, workerId } = change;
  const why = error ? `${codeName(error.code)} ${error.reason}: ${error.message}` : "";
  const by = state === TaskState.RUNNING ? `on ${workerId}` : "";
  return { kind: "state", title: stateName(state), text: why || by, tone: stateTone(state) };
}
