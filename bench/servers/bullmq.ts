/** The peer on Redis: a BullMQ worker, or a client that adds jobs and waits for their results. */
import { Queue, QueueEvents, Worker } from "bullmq";
import { ANSWER, QUESTION } from "../workload.ts";
import { answerOrders } from "./load-loop.ts";

const NAME = "bench";
const [role, url = ""] = process.argv.slice(2);
const { hostname, port } = new URL(url);
const connection = { host: hostname, port: Number(port) };
/** As many as our worker has slots. */
const CONCURRENCY = 256;

if (role === "worker") {
  const work = async () => ANSWER;
  const worker = new Worker(NAME, work, { connection, concurrency: CONCURRENCY });
  await worker.waitUntilReady();
  process.send?.({ port: 0 });
} else {
  const queue = new Queue(NAME, { connection });
  const events = new QueueEvents(NAME, { connection });
  await events.waitUntilReady();
  // A wait listens on the queue, and there are as many waits as callers.
  queue.setMaxListeners(0);
  events.setMaxListeners(0);
  // The newest stay, because whoever waits looks a job up once.
  const kept = { removeOnComplete: { count: 1000 } };
  answerOrders(async () => {
    const job = await queue.add("turn", { question: QUESTION }, kept);
    const answer = await job.waitUntilFinished(events);
    if (answer !== ANSWER) throw new Error("a job came back without its answer");
    return 1;
  });
}
