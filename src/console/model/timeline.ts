/** A task's life as spans on a line: waiting, attempts, waiting for the next one. */
import { AttemptOutcome, type Task } from "../../../gen/agentlane/v1/task_pb.js";
import { atMs } from "./format.ts";
import { outcomeName, outcomeTone, type Tone } from "./states.ts";

export interface Span {
  readonly label: string;
  readonly tone: Tone | "wait";
  readonly fromMs: number;
  readonly toMs: number;
  /** 0 = no attempt. */
  readonly attempt: number;
}

/** From the accept to the end, or to `now`. */
export function timelineOf(task: Task, now: number): readonly Span[] {
  const createdAt = atMs(task.createdAt);
  if (createdAt === undefined) return [];
  const endAt = Math.max(createdAt, atMs(task.finishedAt) ?? now);
  const spans: Span[] = [];
  let at = createdAt;
  const waitUntil = (until: number, label: string): void => {
    if (until > at) spans.push({ label, tone: "wait", fromMs: at, toMs: until, attempt: 0 });
    at = Math.max(at, until);
  };
  for (const { attempt, startedAt, finishedAt, outcome } of task.attempts) {
    const start = atMs(startedAt) ?? at;
    waitUntil(start, spans.length === 0 ? "Queued" : "Waiting for the next attempt");
    const end = Math.max(at, atMs(finishedAt) ?? endAt);
    const label = `Attempt ${attempt}: ${outcomeName(outcome).toLowerCase()}`;
    spans.push({ label, tone: outcomeTone(outcome), fromMs: at, toMs: end, attempt });
    at = end;
  }
  const isRunning = task.attempts.at(-1)?.outcome === AttemptOutcome.UNSPECIFIED;
  if (!isRunning) waitUntil(endAt, spans.length === 0 ? "Queued" : "Waiting");
  return spans;
}
