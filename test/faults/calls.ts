/** Calls as a careful client makes them: again, elsewhere, until there is an answer. */
import { setTimeout as after } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { WATCH_BROKEN, WATCH_ENDED } from "../../src/tasks/watch.ts";
import type { Clients, Cluster } from "./cluster.ts";
import type { Ledger } from "./ledger.ts";
import type { SeededRandom } from "./random.ts";

export interface Caller {
  readonly cluster: Cluster;
  readonly ledger: Ledger;
  readonly random: SeededRandom;
  /** Ends calls that will never be answered. */
  readonly signal: AbortSignal;
}

/** The task has failed, and so has the call that waited for it. */
export class TaskFailure extends Error {
  readonly taskId: string;
  readonly code: Code;
  constructor(taskId: string, code: Code) {
    super(`task ${taskId} ended with ${Code[code]}`);
    this.taskId = taskId;
    this.code = code;
  }
}

/** No frozen gateway is waited for longer; a call that is repeated finds its task by its key. */
const ANSWER_MS = 10_000;

/** Repeats the call through any gateway until it answers or its task has failed. */
export async function untilAnswered<T>(
  caller: Caller,
  call: (clients: Clients, options: { signal: AbortSignal }) => Promise<T>,
): Promise<T> {
  for (;;) {
    caller.signal.throwIfAborted();
    const clients = await anyGateway(caller);
    const signal = AbortSignal.any([caller.signal, AbortSignal.timeout(ANSWER_MS)]);
    try {
      return await call(clients, { signal });
    } catch (error) {
      await beforeRepeat(caller, error);
    }
  }
}

export async function anyGateway({ cluster, random, signal }: Caller): Promise<Clients> {
  const gateways = await cluster.gateways(signal);
  const chosen = gateways[Math.floor(random() * gateways.length)];
  if (!chosen) throw new Error("there is no gateway");
  return chosen;
}

/** Throws what a repeat would not mend; otherwise resolves when the call may be made again. */
export async function beforeRepeat(caller: Caller, error: unknown): Promise<void> {
  const { ledger, random, signal } = caller;
  const failure = ConnectError.from(error);
  const [info] = failure.findDetails(ErrorInfoSchema);
  const taskId = info?.metadata.task_id;
  const goesOn = info?.reason === WATCH_ENDED || info?.reason === WATCH_BROKEN;
  if (taskId !== undefined && !goesOn) throw new TaskFailure(taskId, failure.code);
  if (info) {
    const isTemporary = [Code.Unavailable, Code.ResourceExhausted].includes(failure.code);
    if (!isTemporary) throw error;
    if (failure.findDetails(RetryInfoSchema).length === 0) {
      ledger.problems.push(`${info.reason} came without RetryInfo`);
    }
  }
  ledger.repeatCount++;
  ledger.lastRepeat = failure.message;
  await after(50 + 200 * random(), undefined, { signal });
}
