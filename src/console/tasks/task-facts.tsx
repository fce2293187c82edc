/** What is recorded of a task. */
import type { Task } from "../../../gen/agentlane/v1/task_pb.js";
import { atMs, between, formatDuration, formatInstant } from "../model/format.ts";
import { attemptsOf, priorityName } from "../model/states.ts";
import { address } from "../routes.ts";
import { Link } from "../ui/navigation.tsx";
import { Ago, Card, Copy, Facts } from "../ui/parts.tsx";
import { RunTime } from "./run-time.tsx";

export function TaskFacts({ task }: { task: Task }) {
  const { agentId, sessionId, queue, traceId, idempotencyKey, redriveCount } = task;
  return (
    <Card>
      <Facts
        facts={[
          { name: "Agent", value: <Link href={address(["agents", agentId])}>{agentId}</Link> },
          {
            name: "Session",
            value: sessionId ? (
              <Link href={address(["sessions", agentId, sessionId])}>{sessionId}</Link>
            ) : (
              "stateless"
            ),
          },
          { name: "Accepted", value: <Ago at={atMs(task.createdAt)} /> },
          { name: "Queue wait", value: formatDuration(between(task.createdAt, task.startedAt)) },
          { name: "Run time", value: <RunTime task={task} /> },
          {
            name: "Attempts",
            value: attemptsOf(task),
          },
          {
            name: "Next attempt",
            value: <Ago at={atMs(task.nextAttemptAt)} />,
            absent: !task.nextAttemptAt,
          },
          { name: "Priority", value: priorityName(task.priority) },
          { name: "Queue", value: <code>{queue}</code> },
          {
            name: "Deadline",
            value: formatInstant(atMs(task.deadline)),
            absent: !task.deadline,
          },
          {
            name: "Cancel requested",
            value: <Ago at={atMs(task.cancelRequestedAt)} />,
            absent: !task.cancelRequestedAt,
          },
          { name: "Redriven", value: `${redriveCount} times`, absent: redriveCount === 0 },
          {
            name: "Trace",
            value: (
              <>
                <code class="break">{traceId}</code> <Copy text={traceId} what="trace id" />
              </>
            ),
            absent: traceId === "",
          },
          {
            name: "Idempotency key",
            value: <code class="break">{idempotencyKey}</code>,
            absent: idempotencyKey === "",
          },
          ...Object.entries(task.metadata).map(([name, value]) => ({
            name: `Label ${name}`,
            value: <span class="break">{value}</span>,
          })),
        ]}
      />
    </Card>
  );
}
