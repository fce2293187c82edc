/** How an attempt ends, pure: from what the executor did and why it was aborted. */
import { create, fromJson } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import type { Message } from "../../gen/agentlane/v1/content_pb.js";
import type { ExecutionContext } from "../../gen/agentlane/v1/session_pb.js";
import { type TaskError, TaskResultSchema, TaskState } from "../../gen/agentlane/v1/task_pb.js";
import type { Random } from "../clock.ts";
import type { AgentDefinition } from "../executor/agent-definition.ts";
import type { TurnOutcome } from "../executor/contract.ts";
import type { Claim, Ending } from "../store/contract.ts";
import { endingAfterFailure } from "../tasks/retry.ts";
import { asAgentlaneError, toTaskError } from "../tasks/task-error.ts";
import { contextAfter, partialOutcome } from "./turn.ts";

/** The abort reason of a drain: the attempt is handed back. */
export const WORKER_DRAINING = "WORKER_DRAINING";

/** How the executor's part ended; `prepared` as far as it got. */
export interface Run {
  readonly prepared: Prepared | undefined;
  readonly outcome: TurnOutcome | undefined;
  /** Set when there is no outcome. */
  readonly error: unknown;
}

/** What the turn started from. */
export interface Prepared {
  readonly agent: AgentDefinition;
  readonly context: ExecutionContext;
  /** Messages that the turn adds before its own output. */
  readonly added: readonly Message[];
}

export interface AttemptEnd {
  readonly ending: Ending;
  readonly session?: ExecutionContext;
}

export interface EndInput {
  readonly claim: Claim;
  readonly run: Run;
  /** The reason of the abort; undefined = not aborted. */
  readonly aborted: unknown;
  /** What a cancel keeps of the output; undefined = nothing. */
  readonly partial: readonly Message[] | undefined;
  readonly random: Random;
  readonly nowMs: number;
}

/** An outcome that was reached before the abort took effect wins the race. */
export function endOf(input: EndInput): AttemptEnd {
  const { claim, run, aborted, random } = input;
  if (run.outcome && run.prepared) return completed(input, run.prepared, run.outcome);
  const failure = asAgentlaneError(aborted ?? run.error);
  const error = toTaskError(failure);
  if (aborted !== undefined && failure.kind === "canceled") return canceled(input, error);
  if (aborted !== undefined && failure.reason === WORKER_DRAINING) {
    return { ending: { state: TaskState.QUEUED, error } };
  }
  const retryAfter =
    failure.retryAfterMs === undefined ? {} : { retryAfterMs: failure.retryAfterMs };
  return { ending: endingAfterFailure(claim.record, error, random, retryAfter) };
}

function completed(input: EndInput, prepared: Prepared, outcome: TurnOutcome): AttemptEnd {
  const { agent, context, added } = prepared;
  const session = contextAfter(input.claim, agent, context, added, outcome, input.nowMs);
  const result = create(TaskResultSchema, {
    messages: [...outcome.messages],
    interrupts: [...outcome.interrupts],
    finishReason: outcome.finishReason,
    sessionVersion: session?.version ?? 0n,
    ...(outcome.usage && { usage: outcome.usage }),
    ...(outcome.state !== undefined && { state: fromJson(ValueSchema, outcome.state) }),
  });
  const asks = outcome.interrupts.length > 0;
  const ending: Ending = asks
    ? { state: TaskState.INPUT_REQUIRED, result }
    : { state: TaskState.COMPLETED, result };
  return session ? { ending, session } : { ending };
}

function canceled({ claim, run, partial, nowMs }: EndInput, error: TaskError): AttemptEnd {
  const ending: Ending = { state: TaskState.CANCELED, error };
  if (!partial || !run.prepared) return { ending };
  const { agent, context, added } = run.prepared;
  const outcome = partialOutcome(partial, context);
  const session = contextAfter(claim, agent, context, added, outcome, nowMs);
  return session ? { ending, session } : { ending };
}
