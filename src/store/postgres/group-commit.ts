/**
 * Operations of one kind that are ready at the same time go to the server in one statement and one
 * commit. One statement is under way; what arrives meanwhile goes into the next one, so that groups
 * grow with the load and one alone never waits. Each operation keeps its own answer and its own error:
 * the functions of migrations/ refuse by an answer, what would wait for the locks of others is sent
 * again by itself, and so is each one of a group that failed for what may be the fault of one.
 */
import type { Clock } from "../../clock.ts";
import { LinkedList } from "../../linked-list.ts";
import type { Argument, RunLimits } from "./connection.ts";
import { mayBeOfOne, toAgentlaneError, unavailable } from "./errors.ts";

/** Operations of one statement; the server holds the locks of all until its commit. */
const MAX_COUNT = 32;
/** Bytes that may join the first operation, which may be larger. */
const MAX_BYTES = 256 * 1024;
/** Operations that wait; more are refused, so that an outage fills no memory. */
const MAX_WAITING_COUNT = 2000;
/** Of the time for an operation, what it may wait for its turn. */
const WAITING_SHARE = 0.6;

export interface GroupCommitParts {
  readonly clock: Clock;
  /** An operation that is not answered after this has failed, waiting included. */
  readonly timeoutMs: number;
  /** Sends several, each by its arguments; answers for each in order. */
  readonly together: (operations: readonly Arguments[], limits: RunLimits) => Promise<unknown[]>;
  /** Sends one, which may wait for others. */
  readonly alone: (operation: Arguments, limits: RunLimits) => Promise<unknown>;
  /** Whether an answer says that the operation has to go alone. */
  readonly isLater: (answer: unknown) => boolean;
}

/** Of the function that does the operation alone. */
export type Arguments = readonly Argument[];

interface Operation {
  readonly args: Arguments;
  readonly bytes: number;
  readonly arrivedAtMs: number;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export function createGroupCommit(parts: GroupCommitParts): (args: Arguments) => Promise<unknown> {
  const { clock, timeoutMs } = parts;
  const waiting = new LinkedList<Operation>();
  let isSending = false;

  async function send(): Promise<void> {
    // What is asked for in the same moment goes together.
    await Promise.resolve();
    for (let group = next(); group.length > 0; group = next()) await sendGroup(group);
    isSending = false;
  }

  /** The first ones that wait, without those that have waited too long. */
  function next(): Operation[] {
    const group: Operation[] = [];
    let bytes = 0;
    for (let first = waiting.first; first && group.length < MAX_COUNT; first = waiting.first) {
      if (group.length > 0 && bytes + first.bytes > MAX_BYTES) break;
      waiting.shift();
      if (clock.monotonic() - first.arrivedAtMs > timeoutMs * WAITING_SHARE) {
        first.reject(behind());
        continue;
      }
      if (group.length > 0) bytes += first.bytes;
      group.push(first);
    }
    return group;
  }

  async function sendGroup(group: readonly Operation[]): Promise<void> {
    const [oldest] = group;
    if (!oldest) return;
    try {
      const limits = { timeoutMs: leftOf(oldest), maxTries: 1 };
      const answers = await parts.together(
        group.map(({ args }) => args),
        limits,
      );
      for (const [index, operation] of group.entries()) {
        const answer = answers[index];
        if (parts.isLater(answer)) sendAlone(operation);
        else operation.resolve(answer);
      }
    } catch (error) {
      const failure = toAgentlaneError(error);
      const isOfOne = mayBeOfOne(failure);
      for (const operation of group) {
        if (isOfOne) sendAlone(operation);
        else operation.reject(failure);
      }
    }
  }

  function sendAlone({ args, arrivedAtMs, resolve, reject }: Operation): void {
    const leftMs = leftOf({ arrivedAtMs });
    parts.alone(args, { timeoutMs: leftMs }).then(resolve, reject);
  }

  function leftOf({ arrivedAtMs }: Pick<Operation, "arrivedAtMs">): number {
    return timeoutMs - (clock.monotonic() - arrivedAtMs);
  }

  return (args) => {
    if (waiting.size >= MAX_WAITING_COUNT) return Promise.reject(behind());
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const arrivedAtMs = clock.monotonic();
    waiting.append({ args, bytes: bytesOf(args), arrivedAtMs, resolve, reject });
    if (!isSending) {
      isSending = true;
      void send();
    }
    return promise;
  };
}

/** Of what may be large. */
function bytesOf(args: Arguments): number {
  let bytes = 0;
  for (const arg of args) {
    if (Array.isArray(arg)) bytes += bytesOf(arg);
    else if (typeof arg === "string" || Buffer.isBuffer(arg)) bytes += arg.length;
  }
  return bytes;
}

/**
 * The arguments of the function that does several: each one becomes the list of all. A list
 * becomes the lists one after the other, and how long each is.
 */
export function transposed(operations: readonly Arguments[]): Argument[] {
  const [first = []] = operations;
  return first.flatMap((sample, index): Argument[] => {
    const column = operations.map((args) => args[index] ?? null);
    if (!Array.isArray(sample)) return [column.map(scalarOf)];
    const lists = column.map((each) => (Array.isArray(each) ? each.map(scalarOf) : []));
    return [lists.flat(), lists.map(({ length }) => length)];
  });
}

function scalarOf(value: Argument): Exclude<Argument, readonly unknown[]> {
  if (value === null || Buffer.isBuffer(value) || typeof value !== "object") return value;
  throw new TypeError("a list among single values");
}

function behind() {
  return unavailable(
    "PostgreSQL is slower than what it is asked for; the command was not sent and has had no effect",
  );
}
