/** A task and its log, followed until the task is done. */
import { useEffect, useState } from "preact/hooks";
import type { Task } from "../../../gen/agentlane/v1/task_pb.js";
import type { WatchTaskResponse } from "../../../gen/agentlane/v1/task_service_pb.js";
import { EMPTY_LOG, type EventLog, withEntries } from "../model/event-rows.ts";
import { isTerminal } from "../model/states.ts";
import { describeFailure, type Failure } from "../services/failure.ts";
import { followTask } from "../services/follow-task.ts";
import { type Loaded, usePolled } from "../services/hooks.ts";
import { useServices } from "../services/services.ts";

const INTERVAL_MS = 2000;
/** Entries that arrive together are drawn together. */
const DRAW_INTERVAL_MS = 100;

export function useTask(taskId: string): Loaded<Task | undefined> {
  const { tasks } = useServices();
  const [done, setDone] = useState(false);
  const loaded = usePolled(
    async (signal) => {
      const { task } = await tasks.getTask({ taskId }, { signal });
      setDone(task !== undefined && isTerminal(task.state));
      return task;
    },
    done ? 0 : INTERVAL_MS,
    taskId,
  );
  return loaded;
}

export interface FollowedLog {
  readonly log: EventLog;
  /** True until the terminal event. */
  readonly following: boolean;
  readonly failure: Failure | undefined;
}

/** `round`: another one begins anew, after a redrive. `onState`: called after every change of state. */
export function useLog(taskId: string, round: number, onState: () => void): FollowedLog {
  const services = useServices();
  const [log, setLog] = useState(EMPTY_LOG);
  const [following, setFollowing] = useState(true);
  const [failure, setFailure] = useState<Failure>();
  // Once for each task and round.
  useEffect(() => {
    const controller = new AbortController();
    let waiting: WatchTaskResponse[] = [];
    const draw = (): void => {
      if (waiting.length === 0) return;
      const entries = waiting;
      waiting = [];
      setLog((before) => withEntries(before, entries));
    };
    const stopDrawing = services.clock.every(DRAW_INTERVAL_MS, draw);
    setLog(EMPTY_LOG);
    setFollowing(true);
    setFailure(undefined);
    const follow = async (): Promise<void> => {
      for await (const entry of followTask(services, taskId, 0, controller.signal)) {
        waiting.push(entry);
        if (entry.event?.kind.case === "stateChange") onState();
      }
    };
    follow()
      .catch((error: unknown) => setFailure(describeFailure(error)))
      .finally(() => {
        if (controller.signal.aborted) return;
        draw();
        setFollowing(false);
      });
    return () => {
      stopDrawing();
      controller.abort();
    };
  }, [taskId, round]);
  return { log, following, failure };
}
