import { create } from "@bufbuild/protobuf";
import {
  type LogEntry,
  LogEntrySchema,
  NoticeSchema,
} from "../../gen/agentlane/store/v1/record_pb.js";
import {
  type TaskEvent,
  TaskEventSchema,
  TaskSchema,
  TaskState,
} from "../../gen/agentlane/v1/task_pb.js";
import type { EventBus } from "../../src/queue/contract.ts";
import { taskTopic } from "../../src/queue/contract.ts";
import type { TaskLog, TaskRef } from "../../src/store/contract.ts";
import { isTerminalEvent } from "../../src/tasks/log-entries.ts";

/** The log of one task, written by the test; reads are counted and can be held up or made to fail. */
export interface FakeTaskLog extends TaskLog {
  readonly ref: TaskRef;
  /** Stores entries; `announced` false: the notice is lost. */
  write(events: readonly TaskEvent[], announced?: boolean): void;
  /** Forgets the entries up to this one. */
  drop(lastSequence: number): void;
  readonly readCount: number;
  /** Most reads at once so far. */
  readonly mostReadsAtOnce: number;
  /** Runs inside every read. */
  onRead: (() => Promise<void>) | undefined;
}

export function fakeTaskLog(bus: EventBus): FakeTaskLog {
  const ref = { tenant: "default", taskId: "task-1" };
  let entries: LogEntry[] = [];
  let lastSequence = 0;
  let terminal = false;
  let readCount = 0;
  let readsAtOnce = 0;
  let mostReadsAtOnce = 0;
  const log: FakeTaskLog = {
    ref,
    onRead: undefined,
    get readCount() {
      return readCount;
    },
    get mostReadsAtOnce() {
      return mostReadsAtOnce;
    },
    write(events, announced = true) {
      const written = events.map((event) =>
        create(LogEntrySchema, { attempt: 1, sequence: ++lastSequence, event }),
      );
      entries.push(...written);
      const last = events.at(-1);
      terminal = last !== undefined && isTerminalEvent(last);
      if (!announced) return;
      const kind = { case: "entries" as const, value: { entries: written } };
      bus.publish(taskTopic(ref.tenant, ref.taskId), create(NoticeSchema, { ...ref, kind }));
    },
    drop(sequence) {
      entries = entries.filter((entry) => entry.sequence > sequence);
    },
    async read(_ref, afterSequence, limit) {
      readCount++;
      mostReadsAtOnce = Math.max(mostReadsAtOnce, ++readsAtOnce);
      try {
        await log.onRead?.();
        return {
          entries: entries.filter(({ sequence }) => sequence > afterSequence).slice(0, limit),
          firstSequence: entries[0]?.sequence ?? lastSequence + 1,
          lastSequence,
          terminal,
        };
      } finally {
        readsAtOnce--;
      }
    },
    get: async () => create(TaskSchema, { taskId: ref.taskId, lastSequence }),
    list: async () => ({ items: [], nextToken: "" }),
    idOfKey: async () => ref.taskId,
    figures: () => Promise.reject(new Error("a watch needs no figures")),
    queues: async () => [],
  };
  return log;
}

export function stateEvent(state: TaskState): TaskEvent {
  return create(TaskEventSchema, { kind: { case: "stateChange", value: { state } } });
}

export const completed = (): TaskEvent => stateEvent(TaskState.COMPLETED);
