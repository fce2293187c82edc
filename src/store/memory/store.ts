/** The memory adapter of the Store seam: nothing outlives the process. */
import type { Clock } from "../../clock.ts";
import { service } from "../../lifecycle.ts";
import type { Store } from "../contract.ts";
import { createDeadLetters } from "./dead-letters.ts";
import { createLog } from "./log.ts";
import { createSessions } from "./sessions.ts";
import { createState } from "./state.ts";
import { createTasks } from "./tasks.ts";
import { createWorkers } from "./workers.ts";

export interface MemoryStoreOptions {
  readonly clock: Clock;
}

export function createMemoryStore({ clock }: MemoryStoreOptions): Store {
  const state = createState(clock);
  return {
    type: "memory",
    tasks: createTasks(state),
    log: createLog(state),
    deadLetters: createDeadLetters(state),
    sessions: createSessions(state),
    workers: createWorkers(clock),
    check: () => Promise.resolve(),
    ...service(
      () => Promise.resolve(),
      () => Promise.resolve(),
    ),
  };
}
