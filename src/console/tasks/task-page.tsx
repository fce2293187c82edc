/** One task: its life, its log as it grows, what came of it. */
import { useState } from "preact/hooks";
import { type Task, TaskState } from "../../../gen/agentlane/v1/task_pb.js";
import { isTerminal, stateName, stateTone } from "../model/states.ts";
import { address } from "../routes.ts";
import { useAction } from "../services/hooks.ts";
import { useServices } from "../services/services.ts";
import { Confirm } from "../ui/dialog.tsx";
import { Link } from "../ui/navigation.tsx";
import { Badge, Button, Copy, FailureNote, Id, Loading, PageHead } from "../ui/parts.tsx";
import { ErrorCard } from "./error-card.tsx";
import { EventsCard } from "./events-card.tsx";
import { ResultCard } from "./result-card.tsx";
import { TaskFacts } from "./task-facts.tsx";
import { TimelineCard } from "./timeline-card.tsx";
import { useLog, useTask } from "./use-task.ts";

export function TaskPage({ taskId }: { taskId: string }) {
  const [round, setRound] = useState(0);
  const { data: task, failure, reload } = useTask(taskId);
  const followed = useLog(taskId, round, reload);
  const restart = (): void => {
    reload();
    setRound((before) => before + 1);
  };
  return (
    <>
      <PageHead
        title="Task"
        above={<Link href={address(["tasks"])}>Tasks</Link>}
        beside={task && <Badge tone={stateTone(task.state)}>{stateName(task.state)}</Badge>}
        lead={
          <>
            <Id id={taskId} whole /> <Copy text={taskId} what="task id" />
          </>
        }
        actions={task && <TaskActions task={task} onChange={restart} />}
      />
      {failure && <FailureNote failure={failure} retry={reload} />}
      {!task && !failure && <Loading what="the task" />}
      {task && (
        <>
          <TaskFacts task={task} />
          <TimelineCard task={task} />
          {task.error && <ErrorCard error={task.error} />}
          {task.result && <ResultCard task={task} result={task.result} />}
          <EventsCard followed={followed} />
        </>
      )}
    </>
  );
}

function TaskActions({ task, onChange }: { task: Task; onChange: () => void }) {
  const { tasks } = useServices();
  const [asking, setAsking] = useState(false);
  const { taskId, state } = task;
  const cancel = useAction(async () => {
    const target = { case: "taskId" as const, value: taskId };
    await tasks.cancelTask({ target, reason: "canceled in the console" });
    setAsking(false);
    onChange();
  });
  const redrive = useAction(async () => {
    await tasks.redriveTasks({ taskIds: [taskId] });
    onChange();
  });
  if (!isTerminal(state)) {
    return (
      <>
        <Button kind="danger" icon="stop" onClick={() => setAsking(true)}>
          Cancel task
        </Button>
        {asking && (
          <Confirm
            title="Cancel this task?"
            action="Cancel the task"
            danger
            busy={cancel.busy}
            failure={cancel.failure}
            onConfirm={cancel.run}
            onClose={() => setAsking(false)}
          >
            A running attempt is stopped; nothing of it reaches the session.
          </Confirm>
        )}
      </>
    );
  }
  if (state !== TaskState.FAILED) return null;
  return (
    <>
      <Button kind="primary" icon="refresh" disabled={redrive.busy} onClick={redrive.run}>
        {redrive.busy ? "Redriving…" : "Redrive"}
      </Button>
      {redrive.failure && <FailureNote failure={redrive.failure} />}
    </>
  );
}
