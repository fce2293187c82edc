/** The memory adapter of the EventBus seam, for one process. */
import type { Notice } from "../../../gen/agentlane/store/v1/record_pb.js";
import { AgentlaneError } from "../../errors.ts";
import { service } from "../../lifecycle.ts";
import type { EventBus } from "../contract.ts";

type Listener = (notice: Notice) => void;

export function createMemoryEventBus(): EventBus {
  const topics = new Map<string, Set<{ readonly listener: Listener }>>();
  let started = false;

  const open = async (): Promise<void> => {
    started = true;
  };
  const close = async (): Promise<void> => {
    started = false;
    for (const entries of topics.values()) entries.clear();
    topics.clear();
  };

  return {
    type: "memory",
    ...service(open, close),

    publish(topic, notice) {
      const entries = topics.get(topic);
      if (!entries) return;
      // Not in the caller's stack: a listener can neither throw into nor re-enter its publisher.
      queueMicrotask(() => {
        for (const { listener } of entries) listener(notice);
      });
    },

    async subscribe(topic, listener) {
      if (!started) throw new AgentlaneError("unavailable", "BUS_STOPPED", "the bus is stopped");
      const entries = topics.get(topic) ?? new Set();
      const entry = { listener };
      topics.set(topic, entries.add(entry));
      return {
        close: () => {
          entries.delete(entry);
          if (entries.size === 0 && topics.get(topic) === entries) topics.delete(topic);
        },
      };
    },
  };
}
