/** A store whose effects are as watchers hear of them: what goes over the bus sealed is opened. */
import type { Notice } from "../../gen/agentlane/store/v1/record_pb.js";
import type { Content } from "../../src/encryption/content.ts";
import { encryptBus } from "../../src/encryption/encrypted-bus.ts";
import type { EventBus } from "../../src/queue/contract.ts";
import type { Effects, Store } from "../../src/store/contract.ts";

export function heardStore(store: Store, content: Content): Store {
  const { tasks, deadLetters, sessions } = store;

  async function heard<T extends { effects: Effects }>(asked: Promise<T>): Promise<T> {
    const answer = await asked;
    const notices = await Promise.all(
      answer.effects.notices.map((notice) => throughBus(content, notice)),
    );
    return { ...answer, effects: { ...answer.effects, notices } };
  }

  return {
    ...store,
    tasks: {
      ...tasks,
      create: (submission) => heard(tasks.create(submission)),
      claim: (request) => heard(tasks.claim(request)),
      append: (...args) => heard(tasks.append(...args)),
      finish: (...args) => heard(tasks.finish(...args)),
      requestCancel: (request) => heard(tasks.requestCancel(request)),
      sweep: (options) => heard(tasks.sweep(options)),
    },
    deadLetters: { ...deadLetters, redrive: (...args) => heard(deadLetters.redrive(...args)) },
    sessions: {
      ...sessions,
      import: (...args) => heard(sessions.import(...args)),
      destroy: (ref) => heard(sessions.destroy(ref)),
    },
  };
}

/** A bus that is told of entries as an encrypted store tells of them. */
export function sealingBus(inner: EventBus, content: Content): EventBus {
  const bus = encryptBus(inner, content);
  let last: Promise<void> = Promise.resolve();
  const publish = async (before: Promise<void>, topic: string, notice: Notice): Promise<void> => {
    await before;
    bus.publish(topic, await sealed(content, notice));
  };
  return {
    ...bus,
    publish(topic, notice) {
      last = publish(last, topic, notice);
    },
  };
}

async function sealed(content: Content, notice: Notice): Promise<Notice> {
  if (notice.kind.case !== "entries") return notice;
  const { value } = notice.kind;
  const entries = await Promise.all(
    value.entries.map(async (entry) => {
      if (!entry.event) return entry;
      return { ...entry, event: await content.sealEvent(notice, entry.sequence, entry.event) };
    }),
  );
  return { ...notice, kind: { case: "entries", value: { ...value, entries } } };
}

/** Said and heard by the same process. */
function throughBus(content: Content, said: Notice): Promise<Notice> {
  return new Promise((resolve, reject) => {
    const bus: EventBus = {
      type: "memory",
      start: async () => undefined,
      stop: async () => undefined,
      publish: () => undefined,
      async subscribe(_topic, listener) {
        listener(said);
        return { close: () => undefined };
      },
    };
    encryptBus(bus, content).subscribe("", resolve).catch(reject);
  });
}
