/** What functions ask their caller to do next. */

import type { LogEntry, Notice, QueueMessage } from "../../../gen/agentlane/store/v1/record_pb.js";
import type { TaskEvent } from "../../../gen/agentlane/v1/task_pb.js";
import { readEntry } from "../../redis/entries.ts";
import { bytes, list, number, optionalBytes, text } from "../../redis/reply.ts";
import { readHeaders } from "../../redis/trace-headers.ts";
import { timestamp } from "../../timestamp.ts";
import type { Effects } from "../contract.ts";
import { cancelNotice, entriesNotice, grownNotice, logEntry } from "../messages.ts";
import type { StateChange } from "../state-change.ts";
import { decodePart, taskRefOf } from "./keys.ts";

export interface EffectReplies {
  readonly now: unknown;
  /** Milliseconds; negative or absent = none known. */
  readonly due?: unknown;
  readonly notices?: unknown;
  readonly bells?: unknown;
}

export interface ReadEffects {
  doorbells: QueueMessage[];
  notices: Notice[];
  changes?: StateChange[];
  rung?: string[];
  nextDueInMs?: number;
}

export function readEffects({
  now,
  due = -1,
  notices = [],
  bells = [],
}: EffectReplies): ReadEffects {
  const effects: ReadEffects = { doorbells: readBells(now, bells), notices: [] };
  for (const reply of list(notices)) {
    const [kind, ...rest] = list(reply);
    switch (text(kind)) {
      case "s":
        effects.changes ??= [];
        effects.changes.push(readChange(rest));
        break;
      case "r":
        effects.rung = rest.map(text);
        break;
      default:
        effects.notices.push(readNotice(text(kind), rest));
    }
  }
  const inMs = number(due);
  if (inMs >= 0) effects.nextDueInMs = inMs;
  return effects;
}

function readChange(reply: readonly unknown[]): StateChange {
  const [task, agent, attempt, previous, state, reason, headers] = reply;
  return {
    ...taskRefOf(text(task)),
    agentId: decodePart(text(agent)),
    attempt: number(attempt),
    previous: number(previous),
    state: number(state),
    reason: decodePart(text(reason)),
    traceHeaders: readHeaders(optionalBytes(headers)),
  };
}

export function readBells(now: unknown, bells: unknown): QueueMessage[] {
  const publishedAt = timestamp(number(now));
  return list(bells).map((bell) => {
    const [task, queue, priority, worker, headers] = list(bell);
    return {
      $typeName: "agentlane.store.v1.QueueMessage",
      ...taskRefOf(text(task)),
      queue: text(queue),
      priority: number(priority),
      traceHeaders: readHeaders(optionalBytes(headers)),
      preferredWorkerId: text(worker),
      publishedAt,
    };
  });
}

function readNotice(kind: string, [task, third, fourth]: readonly unknown[]): Notice {
  const ref = taskRefOf(text(task));
  if (kind === "c") return cancelNotice(ref, number(third), text(fourth));
  const entries = readEntries(fourth, number(third));
  return entries.length > 0 ? entriesNotice(ref, entries) : grownNotice(ref, number(third) - 1);
}

export function readEntries(entries: unknown, firstSequence: number): LogEntry[] {
  return list(entries).map((entry, index) => readEntry(bytes(entry), firstSequence + index));
}

/** Entries that the caller has just had written, ending at `lastSequence`. */
export function writtenEntries(
  attempt: number,
  lastSequence: number,
  events: readonly TaskEvent[],
  nowMs: number,
): LogEntry[] {
  const createdAt = timestamp(nowMs);
  const before = lastSequence - events.length;
  return events.map((event, index) => {
    const stamped = event.createdAt ? event : { ...event, createdAt };
    return logEntry(attempt, before + 1 + index, stamped);
  });
}

export function joinEffects(all: readonly Effects[]): Effects {
  return {
    doorbells: all.flatMap(({ doorbells }) => doorbells),
    notices: all.flatMap(({ notices }) => notices),
    changes: all.flatMap(({ changes = [] }) => changes),
    rung: all.flatMap(({ rung = [] }) => rung),
  };
}
