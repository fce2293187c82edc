/** The memory adapter of the Store seam: nothing outlives the process. */
import type { Clock } from "../../clock.ts";
import { service } from "../../lifecycle.ts";
import type { Store } from "../contract.ts";
import { createLocalWorkers } from "../local-workers.ts";
import { createCredentials } from "./credentials.ts";
import { createDeadLetters } from "./dead-letters.ts";
import { clearTenant } from "./deletion.ts";
import { createLog } from "./log.ts";
import { createSessions } from "./sessions.ts";
import { createState, type MemoryState } from "./state.ts";
import { createTasks } from "./tasks.ts";
import { createTenants } from "./tenants.ts";
import { letRing } from "./transitions.ts";

export interface MemoryStoreOptions {
  readonly clock: Clock;
  /** Terminal tasks kept, whatever retention says. Default 100 000, some 500 MB. */
  readonly maxEndedTasks?: number;
  /** Events kept in logs of terminal tasks. Default 1 000 000, some 500 MB. */
  readonly maxEndedEvents?: number;
}

const DEFAULT_MAX_ENDED_TASKS = 100_000;
const DEFAULT_MAX_ENDED_EVENTS = 1_000_000;

export function createMemoryStore({
  clock,
  maxEndedTasks = DEFAULT_MAX_ENDED_TASKS,
  maxEndedEvents = DEFAULT_MAX_ENDED_EVENTS,
}: MemoryStoreOptions): Store {
  return storeOn(createState(clock, { maxEndedTasks, maxEndedEvents }));
}

export function storeOn(state: MemoryState): Store {
  return {
    type: "memory",
    tasks: createTasks(state),
    log: createLog(state),
    deadLetters: createDeadLetters(state),
    sessions: createSessions(state),
    workers: createLocalWorkers(state.clock),
    tenants: createTenants(state, { letRing, clearTenant }),
    credentials: createCredentials(state),
    check: () => Promise.resolve(),
    ...service(
      () => Promise.resolve(),
      () => Promise.resolve(),
    ),
  };
}
