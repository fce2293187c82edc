/** Carries out what a store write asks for: doorbells to the queue, notices to the bus. */
import type { Notice } from "../../gen/agentlane/store/v1/record_pb.js";
import { type EventBus, type MessageQueue, taskTopic, WORKERS_TOPIC } from "../queue/contract.ts";
import type { Effects, Store } from "../store/contract.ts";
import { grownNotice } from "../store/messages.ts";
import { approximateBytes } from "./log-entries.ts";

export interface Dispatcher {
  /**
   * Never rejects: what cannot be published now is found by the sweeper, because the store keeps
   * the task as unpublished. Resolves when the queue has confirmed (or refused) the doorbells.
   */
  dispatch(effects: Effects): Promise<void>;
  /** Resolves when no confirmation is on its way to the store any more. */
  idle(): Promise<void>;
}

export interface DispatcherOptions {
  readonly store: Store;
  readonly queue: MessageQueue;
  readonly bus: EventBus;
  /** Told of every refused publish; the sweeper repeats it. */
  readonly onPublishFailure: (error: unknown, doorbellCount: number) => void;
  /** Told when something becomes due, counted from now. */
  readonly onDue: (inMs: number) => void;
}

/** Of a notice's entries, in approximate bytes of memory: about half of it on the wire. */
const MAX_NOTICE_BYTES = 512 * 1024;

export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { store, queue, bus } = options;
  const marking = new Set<Promise<void>>();

  function markPublished(effects: Effects): void {
    const refs = effects.doorbells.map(({ tenant, taskId }) => ({ tenant, taskId }));
    const mark = store.tasks
      .markPublished(refs)
      .catch((error: unknown) => options.onPublishFailure(error, refs.length))
      .finally(() => marking.delete(mark));
    marking.add(mark);
  }

  return {
    async dispatch(effects) {
      for (const notice of effects.notices) bus.publish(topicOf(notice), tellable(notice));
      if (effects.nextDueInMs !== undefined) options.onDue(effects.nextDueInMs);
      if (effects.doorbells.length === 0) return;
      try {
        await queue.publish(effects.doorbells);
      } catch (error) {
        options.onPublishFailure(error, effects.doorbells.length);
        return;
      }
      markPublished(effects);
    },
    async idle() {
      await Promise.all(marking);
    },
  };
}

/**
 * Large entries are read from the store by those who want them: as notices they would go to every
 * process that watches a task of their channel, and a broker has limits of its own.
 */
function tellable(notice: Notice): Notice {
  if (notice.kind.case !== "entries") return notice;
  const { entries } = notice.kind.value;
  let bytes = 0;
  for (const { event } of entries) bytes += event ? approximateBytes(event) : 0;
  if (bytes <= MAX_NOTICE_BYTES) return notice;
  return grownNotice(notice, entries.at(-1)?.sequence ?? 0);
}

function topicOf(notice: Notice): string {
  return notice.kind.case === "entries" ? taskTopic(notice.tenant, notice.taskId) : WORKERS_TOPIC;
}
