/** The peer on RabbitMQ: the driver alone, with a quorum queue, confirms, acks and no delay. */
import { randomUUID } from "node:crypto";
import { connect } from "amqplib";
import { answerOrders } from "./load-loop.ts";

const [url = ""] = process.argv.slice(2);
const QUEUE = "peer";
/** As many as our consumer takes. */
const PREFETCH = 256;
const publishing = await connect(url, { noDelay: true });
const consuming = await connect(url, { noDelay: true });
const sender = await publishing.createConfirmChannel();
const receiver = await consuming.createChannel();
await sender.assertQueue(QUEUE, { durable: true, arguments: { "x-queue-type": "quorum" } });
await receiver.prefetch(PREFETCH);
const waiting = new Map<string, () => void>();
await receiver.consume(QUEUE, (raw) => {
  if (!raw) return;
  receiver.ack(raw);
  waiting.get(raw.content.toString("utf8", 0, 36))?.();
});

/** As long as a doorbell. */
const REST = "r".repeat(24);

answerOrders(async () => {
  const id = randomUUID();
  const { promise, resolve } = Promise.withResolvers<void>();
  waiting.set(id, resolve);
  const confirmed = new Promise<void>((done, fail) => {
    const options = { persistent: true, mandatory: true };
    sender.sendToQueue(QUEUE, Buffer.from(id + REST), options, (error) => {
      if (error) fail(error);
      else done();
    });
  });
  await Promise.all([confirmed, promise]);
  waiting.delete(id);
  return 1;
});
