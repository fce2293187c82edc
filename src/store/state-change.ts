/** What stores tell of the state changes they make. */
import type { TaskState } from "../../gen/agentlane/v1/task_pb.js";
import type { TaskRef } from "./contract.ts";

/** A task was led from one state to another. */
export interface StateChange extends TaskRef {
  readonly agentId: string;
  /** The newest one; 0 before the first. */
  readonly attempt: number;
  readonly previous: TaskState;
  readonly state: TaskState;
  /** Of the error, e.g. CANCELED; empty = there is none. */
  readonly reason: string;
  /** W3C, of the submit; empty when tracing was off. */
  readonly traceHeaders: Readonly<Record<string, string>>;
}
