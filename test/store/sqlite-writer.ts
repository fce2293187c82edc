/** A process that runs tasks in a SQLite store and prints what the store has answered, until it is killed. */
import { writeSync } from "node:fs";
import { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { systemClock } from "../../src/clock.ts";
import { createSqliteStore } from "../../src/store/sqlite/store.ts";
import {
  executionContext,
  messageEvents,
  newTaskId,
  submission,
  TENANT,
  taskResult,
} from "../harness/builders.ts";

/** Sessions that are written at the same time. */
const LINE_COUNT = 8;

const [path = "", round = ""] = process.argv.slice(2);
const store = createSqliteStore({ path, clock: systemClock });
await store.start();
tell("started");
await Promise.all(Array.from({ length: LINE_COUNT }, (_, line) => converse(`r${round}-s${line}`)));

/** A line at once: what is in a buffer of ours would die with us. */
function tell(line: string): void {
  writeSync(1, `${line}\n`);
}

async function converse(sessionId: string): Promise<never> {
  for (let turn = 1n; ; turn++) {
    const taskId = `${sessionId}-${turn}`;
    const ref = { tenant: TENANT, taskId };
    const task = { taskId, sessionId, idempotencyKey: `key ${taskId}` };
    await store.tasks.create(submission({ task }));
    tell(`accepted ${taskId}`);
    const request = { ref, workerId: "w1", claimId: newTaskId(), leaseMs: 60_000, spanId: "" };
    const { claim } = await store.tasks.claim(request);
    if (!claim) throw new Error(`${taskId} is not ready`);
    const { lease } = claim;
    const { lastSequence } = await store.tasks.append(lease, 2, messageEvents("a", "b"));
    tell(`appended ${taskId} ${lastSequence}`);
    const session = executionContext({ sessionId, version: turn });
    const ending = { state: TaskState.COMPLETED, result: taskResult() } as const;
    await store.tasks.finish(lease, { afterSequence: lastSequence, events: [], ending, session });
    tell(`finished ${taskId} ${turn}`);
  }
}
