/** A task's life on a line, and its attempts one by one. */
import type { Attempt, Task } from "../../../gen/agentlane/v1/task_pb.js";
import { atMs, formatDuration, formatInstant } from "../model/format.ts";
import { isTerminal, outcomeName, outcomeTone } from "../model/states.ts";
import { timelineOf } from "../model/timeline.ts";
import { useNow } from "../services/hooks.ts";
import { Badge, Card, Id } from "../ui/parts.tsx";

export function TimelineCard({ task }: { task: Task }) {
  const now = useNow(isTerminal(task.state) ? 60_000 : 500);
  const spans = timelineOf(task, now);
  const lengthMs = spans.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
  return (
    <Card title="Timeline" hint={formatDuration(lengthMs)}>
      <ol class="timeline" aria-label="What the task did, in order">
        {spans.map((span) => {
          const took = formatDuration(span.toMs - span.fromMs);
          return (
            <li
              key={`${span.fromMs} ${span.label}`}
              class={`span span-${span.tone}`}
              style={{ flexGrow: String(Math.max(1, span.toMs - span.fromMs)) }}
              title={`${span.label}: ${took}`}
            >
              <span class="sr-only">
                {span.label}, {took}
              </span>
            </li>
          );
        })}
      </ol>
      {task.attempts.length === 0 ? (
        <p class="quiet-text">No attempt has begun.</p>
      ) : (
        <ol class="attempts">
          {task.attempts.map((attempt) => (
            <AttemptItem key={attempt.attempt} attempt={attempt} now={now} />
          ))}
        </ol>
      )}
    </Card>
  );
}

function AttemptItem({ attempt, now }: { attempt: Attempt; now: number }) {
  const { attempt: number, workerId, startedAt, finishedAt, outcome, error, spanId } = attempt;
  const start = atMs(startedAt);
  const took = start === undefined ? undefined : Math.max(0, (atMs(finishedAt) ?? now) - start);
  return (
    <li class="attempt">
      <p class="attempt-head">
        <strong>Attempt {number}</strong>
        <Badge tone={outcomeTone(outcome)}>{outcomeName(outcome)}</Badge>
        <span>{formatDuration(took)}</span>
      </p>
      <p class="quiet-text">
        {formatInstant(start)} on <Id id={workerId} />
        {spanId && (
          <>
            , span <code>{spanId}</code>
          </>
        )}
      </p>
      {error && (
        <p>
          <code>{error.reason}</code> {error.message}
        </p>
      )}
    </li>
  );
}
