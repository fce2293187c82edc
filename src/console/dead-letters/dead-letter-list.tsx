/** Dead letters as rows that can be chosen and opened. */
import type { Task } from "../../../gen/agentlane/v1/task_pb.js";
import { atMs } from "../model/format.ts";
import { address } from "../routes.ts";
import { Link } from "../ui/navigation.tsx";
import { Ago, Id } from "../ui/parts.tsx";

interface DeadLetterListProps {
  readonly tasks: readonly Task[];
  /** Task ids. */
  readonly chosen: ReadonlySet<string>;
  readonly onChoose: (chosen: ReadonlySet<string>) => void;
  /** The user wants those with this reason only. */
  readonly onReason: (reason: string) => void;
}

export function DeadLetterList({ tasks, chosen, onChoose, onReason }: DeadLetterListProps) {
  const ids = tasks.map(({ taskId }) => taskId);
  const hasAll = ids.every((id) => chosen.has(id));
  const toggle = (changed: readonly string[], on: boolean): void => {
    const next = new Set(chosen);
    for (const id of changed) {
      if (on) next.add(id);
      else next.delete(id);
    }
    onChoose(next);
  };
  return (
    <div class="table-box">
      <table class="table stacking letters">
        <thead>
          <tr>
            <th class="check">
              <input
                type="checkbox"
                aria-label="Select this page"
                checked={hasAll}
                onChange={(event) => toggle(ids, event.currentTarget.checked)}
              />
            </th>
            <th>Task</th>
            <th>Agent</th>
            <th>Why</th>
            <th class="number">Attempts</th>
            <th>Failed</th>
          </tr>
        </thead>
        <tbody>
          {tasks.map((task) => (
            <tr key={task.taskId}>
              <td class="check">
                <input
                  type="checkbox"
                  aria-label={`Select task ${task.taskId}`}
                  checked={chosen.has(task.taskId)}
                  onChange={(event) => toggle([task.taskId], event.currentTarget.checked)}
                />
              </td>
              <th scope="row">
                <Link href={address(["tasks", task.taskId])}>
                  <Id id={task.taskId} />
                </Link>
              </th>
              <td data-label="Agent">{task.agentId}</td>
              <td data-label="Why" class="why">
                <button
                  type="button"
                  class="reason"
                  title="Show only this reason"
                  onClick={() => onReason(task.error?.reason ?? "")}
                >
                  {task.error?.reason}
                </button>
                <span>{task.error?.message}</span>
                {task.error && task.error.causes.length > 0 && (
                  <details>
                    <summary>Causes</summary>
                    <ol class="causes">
                      {task.error.causes.map((cause, index) => (
                        <li key={`${index} ${cause}`}>{cause}</li>
                      ))}
                    </ol>
                  </details>
                )}
              </td>
              <td data-label="Attempts" class="number">
                {task.consumedAttempts} of {task.maxAttempts}
              </td>
              <td data-label="Failed">
                <Ago at={atMs(task.finishedAt)} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
