/** Whoever can write to a broker: what is no message is set aside, what is forged starts nothing. */
import { randomBytes } from "node:crypto";
import { create, toBinary } from "@bufbuild/protobuf";
import { connect } from "amqplib";
import { Redis } from "ioredis";
import { QueueMessageSchema } from "../../gen/agentlane/store/v1/record_pb.js";
import { channelName } from "../../src/queue/channel.ts";
import { taskTopic } from "../../src/queue/contract.ts";
import { callGrpc, EXECUTE, enveloped, executeRequest } from "../server/raw.ts";
import { type Attack, repeat, require, type Victim } from "./attack.ts";

const QUEUE = "agent.tasks";
const PREFIX = "agentlane";

/** Payloads that no gateway would send. */
function hostilePayloads(): Buffer[] {
  const forged = (fields: Parameters<typeof create<typeof QueueMessageSchema>>[1]): Buffer =>
    Buffer.from(toBinary(QueueMessageSchema, create(QueueMessageSchema, fields)));
  return [
    Buffer.alloc(0),
    randomBytes(64),
    randomBytes(4096),
    Buffer.from('{"tenant":"default"}'),
    Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]),
    forged({ tenant: "default", taskId: "no-such-task", queue: QUEUE }),
    forged({ tenant: "other", taskId: "x".repeat(10_000), queue: QUEUE }),
    forged({ tenant: "a:b{c}\r\n\u0000*", taskId: "'; DROP TABLE tasks;--", queue: QUEUE }),
    Buffer.concat([forged({ tenant: "", taskId: "" }), Buffer.from([0x20, 99])]),
    forged({
      tenant: "__proto__",
      taskId: "constructor",
      traceHeaders: { traceparent: "\r\nx", __proto: "y" },
    }),
  ];
}

/** Topics without end, and none; a topic with what is no notice. */
const HOSTILE_NOTICES: readonly Buffer[] = [
  Buffer.from([0x80, 5, 1]),
  Buffer.from([0xff, 0xff]),
  Buffer.concat([Buffer.from([0x80, 14]), Buffer.from("task/default/x"), Buffer.alloc(12, 0xff)]),
];

/** What a broker carries as well: as many bytes of readable notices, of tasks that nobody watches here. */
const HONEST_NOTICES: readonly Buffer[] = [...hostilePayloads(), ...HOSTILE_NOTICES].map(
  ({ length }, index) => {
    const topic = Buffer.from(taskTopic("default", `elsewhere-${index}`));
    return Buffer.concat([Buffer.from([0, topic.length]), topic, Buffer.alloc(length)]);
  },
);

async function stillServes(port: number): Promise<void> {
  const { error } = await callGrpc(port, EXECUTE, enveloped(executeRequest("echo")));
  require(error === undefined, `an honest task failed: ${JSON.stringify(error)}`);
}

/** As src/redis/lua/queue-state.lua keeps a message. */
function packed(id: string, payload: Buffer): Buffer {
  const head = Buffer.alloc(19);
  head[0] = 2;
  head[1] = 2;
  head.writeDoubleBE(Date.now(), 3);
  head.writeDoubleBE(Date.now(), 11);
  return Buffer.concat([
    head,
    Buffer.from([id.length]),
    Buffer.from(id),
    Buffer.from([0]),
    payload,
  ]);
}

export function redisAttacks(url: string): readonly Attack[] {
  return [
    {
      name: "hostile messages in Redis' queue",
      connectionCount: 1,
      async run({ port }, signal) {
        const redis = new Redis(url);
        const root = `{${PREFIX}}:mq:`;
        let sent = 0;
        await repeat(signal, 20, async (round) => {
          for (const [index, payload] of hostilePayloads().entries()) {
            const message = packed(`hostile-${round}-${index}`, payload);
            await redis
              .multi()
              .rpush(`${root}line:2:p:${QUEUE}`, message)
              .hincrby(`${root}counts:${QUEUE}`, "w2", 1)
              .hincrby(`${root}counts:${QUEUE}`, "r", 1)
              .exec();
            sent++;
          }
          await stillServes(port);
        });
        redis.disconnect();
        return `${sent} messages`;
      },
    },
    {
      name: "hostile notices on Redis' bus",
      connectionCount: 1,
      run: (victim, signal) =>
        notifyByRedis(url, victim, signal, [...hostilePayloads(), ...HOSTILE_NOTICES]),
      honest: (victim, signal) => notifyByRedis(url, victim, signal, HONEST_NOTICES),
    },
  ];
}

async function notifyByRedis(
  url: string,
  { port }: Victim,
  signal: AbortSignal,
  notices: readonly Buffer[],
): Promise<string> {
  const redis = new Redis(url);
  const channels = texts(await redis.call("PUBSUB", "CHANNELS", "*"));
  require(channels.length > 0, "nobody listens on the bus");
  let sent = 0;
  await repeat(signal, 20, async () => {
    for (const channel of channels) {
      for (const notice of notices) {
        await redis.publish(channel, notice);
        sent++;
      }
    }
    await stillServes(port);
  });
  redis.disconnect();
  return `${sent} notices on ${channels.length} channels`;
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

export function rabbitAttacks(url: string): readonly Attack[] {
  return [
    {
      name: "hostile notices on RabbitMQ's bus",
      connectionCount: 1,
      run: (victim, signal) =>
        notifyByRabbit(url, victim, signal, [...hostilePayloads(), ...HOSTILE_NOTICES]),
      honest: (victim, signal) => notifyByRabbit(url, victim, signal, HONEST_NOTICES),
    },
    {
      name: "hostile messages in RabbitMQ's exchanges",
      connectionCount: 1,
      async run({ port }, signal) {
        const connection = await connect(url);
        const channel = await connection.createConfirmChannel();
        let sent = 0;
        await repeat(signal, 20, async () => {
          for (const payload of hostilePayloads()) {
            for (const key of [`${QUEUE}.normal`, `${QUEUE}.urgent`, "#", `${QUEUE}.nowhere`]) {
              channel.publish(`${PREFIX}.tasks`, key, payload, {
                headers: { worker: "\r\n", queue: "*", "x-death": "forged" },
                messageId: "not a number",
              });
              sent++;
            }
          }
          await channel.waitForConfirms();
          await stillServes(port);
        });
        await connection.close();
        return `${sent} messages`;
      },
    },
  ];
}

async function notifyByRabbit(
  url: string,
  { port }: Victim,
  signal: AbortSignal,
  notices: readonly Buffer[],
): Promise<string> {
  const connection = await connect(url);
  const channel = await connection.createConfirmChannel();
  const keys = new Set(
    Array.from({ length: 2000 }, (_, index) => channelName(taskTopic("default", `${index}`))),
  );
  let sent = 0;
  await repeat(signal, 20, async () => {
    for (const notice of notices) {
      for (const key of [...keys, "#", "\r\n"]) {
        channel.publish(`${PREFIX}.events`, key, notice, { headers: { x: "\r\n" } });
        sent++;
      }
    }
    await channel.waitForConfirms();
    await stillServes(port);
  });
  await connection.close();
  return `${sent} notices with ${keys.size} keys`;
}
