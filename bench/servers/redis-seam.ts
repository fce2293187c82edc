/**
 * Our MessageQueue and EventBus alone: a worker that receives, acks and tells, or a client that
 * publishes and waits to be told. No store: nothing is recorded.
 */
import { create } from "@bufbuild/protobuf";
import {
  LogEntriesSchema,
  LogEntrySchema,
  NoticeSchema,
  QueueMessageSchema,
} from "../../gen/agentlane/store/v1/record_pb.js";
import { Priority, TaskEventSchema, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { uuidV7 } from "../../src/ids.ts";
import { taskTopic } from "../../src/queue/contract.ts";
import { createRedisEventBus } from "../../src/queue/redis/bus.ts";
import { createRedisQueue } from "../../src/queue/redis/queue.ts";
import { RedisConnection } from "../../src/redis/connection.ts";
import { answerMessage } from "../workload.ts";
import { answerOrders } from "./load-loop.ts";

const [role, url = ""] = process.argv.slice(2);
const TENANT = "default";
const QUEUE = "bench";
/** As many as the peer's worker takes. */
const PREFETCH = 256;
const newId = uuidV7(systemClock);
const clock = systemClock;
const prefix = "seam";
const connection = new RedisConnection({ url, prefix, clock, random: systemRandom });
const shared = { connection, prefix, clock };
const queue = createRedisQueue({ ...shared, newId });
const bus = createRedisEventBus(shared);
await queue.start();
await bus.start();

/** About 500 bytes, as a finished task's notice is. */
function notice(taskId: string) {
  const result = { messages: [answerMessage()], finishReason: "stop" };
  const event = create(TaskEventSchema, {
    kind: { case: "stateChange", value: { state: TaskState.COMPLETED, result } },
  });
  const entry = create(LogEntrySchema, { attempt: 1, sequence: 3, event });
  const entries = create(LogEntriesSchema, { entries: [entry] });
  const kind = { case: "entries", value: entries } as const;
  return create(NoticeSchema, { tenant: TENANT, taskId, kind });
}

if (role === "worker") {
  const workerId = newId();
  const consumer = await queue.consume({ queues: [QUEUE], workerId, prefetch: PREFETCH });
  const signal = new AbortController().signal;
  const slot = async (): Promise<void> => {
    for (;;) {
      const delivery = await consumer.receive(signal);
      if (!delivery) return;
      const { taskId } = delivery.message;
      bus.publish(taskTopic(TENANT, taskId), notice(taskId));
      await delivery.ack();
    }
  };
  for (let count = 0; count < PREFETCH; count++) void slot();
  process.send?.({ port: 0 });
} else {
  answerOrders(async () => {
    const taskId = newId();
    const told = Promise.withResolvers<void>();
    const subscription = await bus.subscribe(taskTopic(TENANT, taskId), () => told.resolve());
    await queue.publish([
      create(QueueMessageSchema, {
        tenant: TENANT,
        taskId,
        queue: QUEUE,
        priority: Priority.NORMAL,
      }),
    ]);
    await told.promise;
    subscription.close();
    return 1;
  });
}
