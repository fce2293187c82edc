/** Our MessageQueue alone on RabbitMQ: publishes, and waits until its own consumer has the message. */
import { create } from "@bufbuild/protobuf";
import { QueueMessageSchema } from "../../gen/agentlane/store/v1/record_pb.js";
import { Priority } from "../../gen/agentlane/v1/task_pb.js";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { uuidV7 } from "../../src/ids.ts";
import { createRabbitQueue } from "../../src/queue/rabbitmq/queue.ts";
import { answerOrders } from "./load-loop.ts";

const [url = ""] = process.argv.slice(2);
const TENANT = "default";
const QUEUE = "bench";
/** As many as the peer's consumer takes. */
const PREFETCH = 256;
const newId = uuidV7(systemClock);
const shared = { url, prefix: "seam", clock: systemClock, random: systemRandom };
const queue = createRabbitQueue(shared);
await queue.start();
const consumer = await queue.consume({ queues: [QUEUE], workerId: newId(), prefetch: PREFETCH });
const waiting = new Map<string, () => void>();
const signal = new AbortController().signal;

async function slot(): Promise<void> {
  for (;;) {
    const delivery = await consumer.receive(signal);
    if (!delivery) return;
    await delivery.ack();
    waiting.get(delivery.message.taskId)?.();
  }
}
for (let count = 0; count < PREFETCH; count++) void slot();

answerOrders(async () => {
  const taskId = newId();
  const { promise, resolve } = Promise.withResolvers<void>();
  waiting.set(taskId, resolve);
  const priority = Priority.NORMAL;
  const message = create(QueueMessageSchema, { tenant: TENANT, taskId, queue: QUEUE, priority });
  await Promise.all([queue.publish([message]), promise]);
  waiting.delete(taskId);
  return 1;
});
