/** Tasks as rows. */
import type { Task } from "../../../gen/agentlane/v1/task_pb.js";
import { atMs, between, formatDuration } from "../model/format.ts";
import { stateName, stateTone } from "../model/states.ts";
import { address } from "../routes.ts";
import { Link } from "../ui/navigation.tsx";
import { Ago, Badge, Id } from "../ui/parts.tsx";
import { RunTime } from "./run-time.tsx";

export function TaskTable({ tasks }: { tasks: readonly Task[] }) {
  return (
    <div class="table-box">
      <table class="table stacking">
        <thead>
          <tr>
            <th>State</th>
            <th>Task</th>
            <th>Agent</th>
            <th>Session</th>
            <th class="number">Attempt</th>
            <th class="number">Waited</th>
            <th class="number">Ran</th>
            <th>Accepted</th>
          </tr>
        </thead>
        <tbody>
          {tasks.map((task) => (
            <TaskRow key={task.taskId} task={task} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function TaskRow({ task }: { task: Task }) {
  const { taskId, agentId, sessionId, state, attempt, maxAttempts } = task;
  return (
    <tr>
      <td>
        <Badge tone={stateTone(state)}>{stateName(state)}</Badge>
      </td>
      <th scope="row">
        <Link href={address(["tasks", taskId])}>
          <Id id={taskId} />
        </Link>
      </th>
      <td data-label="Agent">{agentId}</td>
      <td data-label="Session" class="clip">
        {sessionId ? (
          <Link href={address(["sessions", agentId, sessionId])}>{sessionId}</Link>
        ) : (
          <span class="quiet-text">stateless</span>
        )}
      </td>
      <td data-label="Attempt" class="number">
        {attempt} of {maxAttempts}
      </td>
      <td data-label="Waited" class="number">
        {formatDuration(between(task.createdAt, task.startedAt))}
      </td>
      <td data-label="Ran" class="number">
        <RunTime task={task} />
      </td>
      <td data-label="Accepted">
        <Ago at={atMs(task.createdAt)} />
      </td>
    </tr>
  );
}
