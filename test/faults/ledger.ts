/** What clients asked for and what they were told, for the checker. */
import { createHash, type Hash } from "node:crypto";
import { toBinary } from "@bufbuild/protobuf";
import {
  type TaskEvent,
  TaskEventSchema,
  type TaskResult,
  TaskResultSchema,
  type TaskState,
} from "../../gen/agentlane/v1/task_pb.js";
import type { TurnRequest } from "./requests.ts";

/** Instants are milliseconds since the epoch; backend and processes share the machine's clock. */
export interface Submission {
  readonly request: TurnRequest;
  /** The user's message, which no other task has. */
  readonly text: string;
  readonly sentAt: number;
  /** Infinity = not known to be accepted. */
  acceptedAt: number;
  /** All that answers to its key have named; more than one is a violation. */
  readonly taskIds: Set<string>;
  /** Only then may it be canceled. */
  cancelWasSent: boolean;
  /** What calls have told of its end. */
  readonly ends: End[];
  readonly watched: Watched[];
}

export interface End {
  readonly state: TaskState;
  /** Undefined where the call does not tell. */
  readonly result: string | undefined;
  readonly by: string;
}

/** A log as one watcher saw it, over all its reconnects. */
export interface Watched {
  readonly digest: string;
  readonly count: number;
}

export interface Ledger {
  readonly submissions: Submission[];
  /** What no invariant names but must not happen, e.g. an error that nobody can explain. */
  readonly problems: string[];
  /** Calls that were repeated because their outcome was unknown. */
  repeatCount: number;
  /** What the last of them were told. */
  lastRepeat: string;
  /** Repeats that found the task which the first call had made. */
  reconnectCount: number;
  /** How long the server took to say UNAVAILABLE. */
  readonly refusalsMs: number[];
}

export function newLedger(): Ledger {
  return {
    submissions: [],
    problems: [],
    repeatCount: 0,
    lastRepeat: "nothing",
    reconnectCount: 0,
    refusalsMs: [],
  };
}

export interface Entry {
  readonly attempt: number;
  readonly sequence: number;
  readonly mergedCount: number;
  readonly event?: TaskEvent | undefined;
}

/** Adds entries up to one number that only equal logs share. */
export function logDigest(): { add(entry: Entry): void; end(): string } {
  const hash: Hash = createHash("sha1");
  return {
    add({ attempt, sequence, mergedCount, event }) {
      hash.update(`${attempt} ${sequence} ${mergedCount} `);
      if (event) hash.update(toBinary(TaskEventSchema, event));
    },
    end: () => hash.digest("base64"),
  };
}

export function resultDigest(result: TaskResult | undefined): string {
  const bytes = result ? toBinary(TaskResultSchema, result) : new Uint8Array();
  return createHash("sha1").update(bytes).digest("base64");
}
