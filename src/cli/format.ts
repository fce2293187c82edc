/** Values of the contract as people read them. */
import { type Duration, durationMs, type Timestamp, timestampDate } from "@bufbuild/protobuf/wkt";
import { type Task, TaskState } from "../../sdk/typescript/src/node.ts";
import type { Style } from "./terminal.ts";

/** 2026-11-30 20:15:01Z; "" when absent. */
export function instant(at: Timestamp | undefined): string {
  if (!at) return "";
  return timestampDate(at)
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, "Z");
}

/** Of a day: 20:15:01.123. */
export function timeOfDay(at: Timestamp | undefined): string {
  return at ? timestampDate(at).toISOString().slice(11, 23) : "";
}

/** 450 ms, 12.3 s, 4 m 5 s, 3 h 20 m, 2 d 4 h. */
export function elapsed(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return `${minutes} m ${Math.floor((ms % 60_000) / 1000)} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return `${hours} h ${minutes % 60} m`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

export function duration(value: Duration | undefined): string {
  return value ? elapsed(durationMs(value)) : "";
}

/** From one instant to another; "" when one is absent. */
export function between(from: Timestamp | undefined, to: Timestamp | undefined): string {
  if (!from || !to) return "";
  return elapsed(timestampDate(to).getTime() - timestampDate(from).getTime());
}

/** Without the prefix of its enum. */
export function stateName(state: TaskState): string {
  return TaskState[state] ?? "UNKNOWN";
}

const STATE_STYLES: Readonly<Partial<Record<TaskState, Style>>> = {
  [TaskState.RUNNING]: "cyan",
  [TaskState.COMPLETED]: "green",
  [TaskState.INPUT_REQUIRED]: "yellow",
  [TaskState.RETRY_WAIT]: "yellow",
  [TaskState.FAILED]: "red",
  [TaskState.CANCELED]: "dim",
};

export function stateStyle({ state }: Pick<Task, "state">): Style | undefined {
  return STATE_STYLES[state];
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
