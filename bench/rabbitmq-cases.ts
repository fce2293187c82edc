/** The row of the performance guide on RabbitMQ: our queue beside the driver alone. */
import { startRabbit } from "../test/harness/rabbitmq-server.ts";
import { type Case, compare, type Effort, type Row, type Side } from "./compare.ts";
import { type Child, startChild } from "./processes.ts";

function asking(child: Child): Side {
  return {
    run: (order) => child.ask(order),
    rate: ({ calls, elapsedMs }) => (calls * 1000) / elapsedMs,
  };
}

async function seam(effort: Effort, onRow: (row: Row) => void): Promise<Row[]> {
  const rabbit = await startRabbit();
  const children: Child[] = [];
  try {
    for (const file of ["rabbitmq-seam.ts", "amqplib.ts"]) {
      children.push(await startChild(`servers/${file}`, [rabbit.url]));
    }
    const [ours, peer] = children.map(asking);
    if (!ours || !peer) throw new Error("a side is missing");
    const name = "queue alone on RabbitMQ ÷ plain amqplib, quorum queue, confirms and acks";
    const about = { name, unit: "round trips/s", target: "≥ 0.85", concurrencies: [1, 32, 256] };
    return await compare(about, ours, peer, effort, onRow);
  } finally {
    await Promise.all(children.map((child) => child.stop()));
    await rabbit.stop();
  }
}

export const rabbitmqCases: readonly Case[] = [
  { group: "rabbitmq", name: "rabbitmq seam", run: seam },
];
