/** Carries out what a store write asks for: doorbells to the queue, notices to the bus, changes to the journal. */
import type { Notice } from "../../gen/agentlane/store/v1/record_pb.js";
import { type EventBus, type MessageQueue, taskTopic, WORKERS_TOPIC } from "../queue/contract.ts";
import type { Effects, Store } from "../store/contract.ts";
import { grownNotice } from "../store/messages.ts";
import { METRICS } from "../telemetry/metric-definitions.ts";
import { type Metrics, NO_METRICS } from "../telemetry/metrics.ts";
import { traceIdsOf } from "../telemetry/propagation.ts";
import { NO_JOURNAL, type TaskJournal } from "./journal.ts";
import { approximateBytes } from "./log-entries.ts";

export interface Dispatcher {
  /** For changes that effects leave out, because their caller knows them. */
  readonly journal: TaskJournal;
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
  /** Default: none is kept. */
  readonly journal?: TaskJournal;
  /** Default: off. */
  readonly metrics?: Metrics;
}

/** Of a notice's entries, in approximate bytes of memory: about half of it on the wire. */
const MAX_NOTICE_BYTES = 512 * 1024;

export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { store, queue, bus, journal = NO_JOURNAL, metrics = NO_METRICS } = options;
  const sent = metrics.counter(METRICS.sentMessages);
  const marking = new Set<Promise<void>>();

  function markPublished(effects: Effects): void {
    const refs = effects.doorbells.map(({ tenant, taskId }) => ({ tenant, taskId }));
    const mark = store.tasks
      .markPublished(refs)
      .catch((error: unknown) => options.onPublishFailure(error, refs.length))
      .finally(() => marking.delete(mark));
    marking.add(mark);
  }

  function record({ changes = [], rung = [] }: Effects): void {
    for (const change of changes) {
      journal.changed({ ...change, ...traceIdsOf(change.traceHeaders) });
    }
    for (const name of rung) sent.add(1, queue.type, name);
  }

  return {
    journal,
    async dispatch(effects) {
      record(effects);
      for (const notice of effects.notices) bus.publish(topicOf(notice), tellable(notice));
      if (effects.nextDueInMs !== undefined) options.onDue(effects.nextDueInMs);
      if (effects.doorbells.length === 0) return;
      try {
        await queue.publish(effects.doorbells);
      } catch (error) {
        options.onPublishFailure(error, effects.doorbells.length);
        return;
      }
      for (const doorbell of effects.doorbells) sent.add(1, queue.type, doorbell.queue);
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
