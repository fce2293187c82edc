/** What goes to the broker when deliveries are settled in any order. */
import type { Message } from "amqplib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Acks } from "../../src/queue/rabbitmq/acks.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The broker's side of a channel: what it has delivered and heard no more of. */
function broker() {
  const outstanding = new Set<number>();
  const acked = new Set<number>();
  let frameCount = 0;
  const settle = (raw: Message, isMultiple: boolean): number[] => {
    const { deliveryTag } = raw.fields;
    frameCount++;
    // As RabbitMQ, which closes the channel.
    if (!outstanding.has(deliveryTag)) throw new Error(`unknown delivery tag ${deliveryTag}`);
    const tags = [...outstanding].filter((tag) => {
      return isMultiple ? tag <= deliveryTag : tag === deliveryTag;
    });
    for (const tag of tags) outstanding.delete(tag);
    return tags;
  };
  return {
    outstanding,
    acked,
    frameCount: () => frameCount,
    channel: {
      ack: (raw: Message, isMultiple = false) => {
        for (const tag of settle(raw, isMultiple)) acked.add(tag);
      },
      nack: (raw: Message) => void settle(raw, false),
      reject: (raw: Message) => void settle(raw, false),
    },
  };
}

function delivery(deliveryTag: number): Message {
  const content = Buffer.alloc(0);
  const fields = { deliveryTag, redelivered: false, exchange: "", routingKey: "" };
  return { content, fields, properties: {} } as Message;
}

describe("acks", () => {
  it("of one turn go out in one frame when nothing before them is open", async () => {
    const { channel, outstanding, frameCount } = broker();
    const acks = new Acks(channel, () => undefined);
    for (let tag = 1; tag <= 100; tag++) outstanding.add(tag);
    for (const tag of [...outstanding].reverse()) acks.ack(delivery(tag));
    await turn();
    expect([outstanding.size, frameCount()]).toEqual([0, 1]);
  });

  it("settle what was asked for and nothing else, in whatever order", async () => {
    const how = fc.constantFrom("ack", "ack", "ack", "nack", "reject", "leave", "unseen");
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(how, fc.nat(), fc.boolean()), { maxLength: 60 }),
        async (deliveries) => {
          const { channel, outstanding, acked } = broker();
          const acks = new Acks(channel, () => undefined);
          const all = deliveries.map(([way, place, endsTurn], index) => {
            return { way, place, endsTurn, tag: index + 1 };
          });
          for (const { tag } of all) outstanding.add(tag);
          for (const { way, tag, endsTurn } of all.toSorted((a, b) => a.place - b.place)) {
            if (way === "ack") acks.ack(delivery(tag));
            if (way === "nack") acks.nack(delivery(tag));
            if (way === "reject") acks.reject(delivery(tag));
            if (endsTurn) await turn();
          }
          await turn();
          const tagsOf = (...ways: string[]) =>
            all.filter(({ way }) => ways.includes(way)).map(({ tag }) => tag);
          expect([...acked].sort((a, b) => a - b)).toEqual(tagsOf("ack"));
          expect([...outstanding]).toEqual(tagsOf("leave", "unseen"));
        },
      ),
      { numRuns: 300 },
    );
  });

  it("that wait when the channel ends are lost in silence", async () => {
    const { channel } = broker();
    const acks = new Acks(channel, () => undefined);
    acks.ack(delivery(1));
    await turn();
    expect(() => {
      acks.ack(delivery(2));
      acks.flush();
    }).toThrow("unknown delivery tag");
  });
});
