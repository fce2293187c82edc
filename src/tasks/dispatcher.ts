/** Carries out what a store write asks for: doorbells to the queue, notices to the bus. */
import type { Notice } from "../../gen/agentlane/store/v1/record_pb.js";
import { type EventBus, type MessageQueue, taskTopic, WORKERS_TOPIC } from "../queue/contract.ts";
import type { Effects, Store } from "../store/contract.ts";

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
      for (const notice of effects.notices) bus.publish(topicOf(notice), notice);
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

function topicOf(notice: Notice): string {
  return notice.kind.case === "entries" ? taskTopic(notice.tenant, notice.taskId) : WORKERS_TOPIC;
}
