/** What functions ask their caller to do next. */

import type { LogEntry, Notice, QueueMessage } from "../../../gen/agentlane/store/v1/record_pb.js";
import type { TaskEvent } from "../../../gen/agentlane/v1/task_pb.js";
import { timestamp } from "../../timestamp.ts";
import type { Effects } from "../contract.ts";
import { cancelNotice, entriesNotice, logEntry } from "../messages.ts";
import type { StateChange } from "../state-change.ts";
import { readEntry } from "./entries.ts";
import { readHeaders } from "./records.ts";
import { Fields } from "./reply.ts";

export interface WritableEffects {
  readonly doorbells: QueueMessage[];
  readonly notices: Notice[];
  readonly changes?: readonly StateChange[];
  readonly nextDueInMs?: number;
}

/** Of an answer that has `now`, `effects` and perhaps `due`. */
export function readEffects(answer: Fields): WritableEffects {
  const doorbells: QueueMessage[] = [];
  const notices: Notice[] = [];
  for (const effect of answer.list("effects").map((each) => new Fields(each))) {
    const bell = effect.fields("bell");
    const notice = bell ? undefined : readNotice(effect);
    if (bell) doorbells.push(readBell(bell, answer.number("now")));
    if (notice) notices.push(notice);
  }
  const nextDueInMs = answer.optionalNumber("due");
  return { doorbells, notices, ...(nextDueInMs !== undefined && { nextDueInMs }) };
}

/** The same of a call whose entries are never those of a repeat: every state change in them is new. */
export function readFreshEffects(answer: Fields): WritableEffects {
  const effects = readEffects(answer);
  const changes = answer.list("effects").flatMap((each) => {
    const told = new Fields(each).fields("entries");
    return told ? changesIn(told) : [];
  });
  return changes.length > 0 ? { ...effects, changes } : effects;
}

function changesIn(told: Fields): StateChange[] {
  return told.list("entries").flatMap((each) => {
    const { attempt, event } = readEntry(each);
    if (event?.kind.case !== "stateChange") return [];
    const { previous, state, error } = event.kind.value;
    const change = { attempt, previous, state, reason: error?.reason ?? "" };
    const traceHeaders = readHeaders(told.text("headers"));
    return [{ ...refOf(told), ...change, agentId: told.text("agent_id"), traceHeaders }];
  });
}

export function readBell(bell: Fields, nowMs: number): QueueMessage {
  return {
    $typeName: "agentlane.store.v1.QueueMessage",
    tenant: bell.text("tenant"),
    taskId: bell.text("task_id"),
    queue: bell.text("queue"),
    priority: bell.number("priority"),
    traceHeaders: readHeaders(bell.text("headers")),
    preferredWorkerId: bell.text("worker_id"),
    publishedAt: timestamp(nowMs),
  };
}

function readNotice(effect: Fields): Notice | undefined {
  const cancel = effect.fields("cancel");
  if (cancel) return cancelNotice(refOf(cancel), cancel.number("mode"), cancel.text("reason"));
  const told = effect.fields("entries");
  return told && entriesNotice(refOf(told), told.list("entries").map(readEntry));
}

function refOf(fields: Fields) {
  return { tenant: fields.text("tenant"), taskId: fields.text("task_id") };
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
  };
}
