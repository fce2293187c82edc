/** From a claim to the turn that an executor runs, and back to the context that is committed. */
import { create, type JsonValue, toJson } from "@bufbuild/protobuf";
import { type Value, ValueSchema } from "@bufbuild/protobuf/wkt";
import {
  type ExecuteRequest,
  ExecuteRequestSchema,
} from "../../gen/agentlane/v1/agent_service_pb.js";
import type { Message } from "../../gen/agentlane/v1/content_pb.js";
import type { ExecutionContext } from "../../gen/agentlane/v1/session_pb.js";
import { MultitaskStrategy } from "../../gen/agentlane/v1/task_pb.js";
import { AgentlaneError } from "../errors.ts";
import type { AgentDefinition } from "../executor/agent-definition.ts";
import type { Turn, TurnOutcome } from "../executor/contract.ts";
import { appendTurn, newExecutionContext } from "../executor/execution-context.ts";
import type { InstanceLease, InstanceManager } from "../executor/instance-manager.ts";
import type { NewId } from "../ids.ts";
import type { Claim } from "../store/contract.ts";

/** The claim's session is not to be taken for what it was. */
export function forgetSession(instances: InstanceManager, { record }: Claim): void {
  const { agentId = "", sessionId = "" } = record.task ?? {};
  if (sessionId !== "") instances.evict({ tenant: record.tenant, agentId, sessionId });
}

/** The session's instance; a stateless turn gets an empty context of its own. */
export async function openInstance(
  instances: InstanceManager,
  claim: Claim,
): Promise<InstanceLease> {
  const { tenant, task } = claim.record;
  const agentId = task?.agentId ?? "";
  const sessionId = task?.sessionId ?? "";
  if (sessionId !== "") return instances.acquire({ tenant, agentId, sessionId }, claim.sessionEtag);
  return {
    context: newExecutionContext({ agentId, sessionId }),
    warm: false,
    commit: () => undefined,
    release: () => undefined,
  };
}

export function prepareTurn(
  claim: Claim,
  agent: AgentDefinition,
  committed: ExecutionContext,
  signal: AbortSignal,
  newId: NewId,
): Turn {
  const { task } = claim.record;
  const request = claim.record.request ?? create(ExecuteRequestSchema);
  const context = contextFor(request, committed);
  const messages = withFreshIds(request.messages, context, newId);
  const answer = answerOf(request, context, messages);
  return {
    agent,
    taskId: task?.taskId ?? "",
    attempt: claim.lease.attempt,
    context,
    messages: answer.messages,
    input: answer.input,
    resume: answer.resume,
    streaming: task?.streaming ?? false,
    configurable: request.configurable ?? {},
    metadata: request.metadata,
    signal,
  };
}

/** ROLLBACK drops the open question; the graph's committed state is the session's and stays. */
function contextFor(request: ExecuteRequest, context: ExecutionContext): ExecutionContext {
  if (request.multitaskStrategy !== MultitaskStrategy.ROLLBACK) return context;
  return context.interrupts.length === 0 ? context : { ...context, interrupts: [] };
}

/** An id that the history has already would replace that message in a graph's state. */
function withFreshIds(
  messages: readonly Message[],
  context: ExecutionContext,
  newId: NewId,
): Message[] {
  const isTaken = ({ id }: Message): boolean => context.history.some((old) => old.id === id);
  return messages.map((message) => (isTaken(message) ? { ...message, id: newId() } : message));
}

interface Answer {
  readonly messages: readonly Message[];
  readonly input: JsonValue | undefined;
  readonly resume: JsonValue | undefined;
}

/** With an interrupt open, the request answers it: explicitly, or with its last message or input. */
function answerOf(
  request: ExecuteRequest,
  context: ExecutionContext,
  messages: readonly Message[],
): Answer {
  const input = jsonOf(request.input);
  const resume = jsonOf(request.resume);
  if (context.interrupts.length === 0) {
    if (resume === undefined) return { messages, input, resume };
    throw new AgentlaneError(
      "failed_precondition",
      "NO_OPEN_INTERRUPT",
      "resume was given, but the session has no open interrupt",
    );
  }
  if (resume !== undefined) return { messages, input, resume };
  const last = messages.at(-1);
  if (!last) return { messages, input: undefined, resume: input ?? null };
  // The message stays one of the turn's: the conversation shows what was answered.
  return { messages, input, resume: answerIn(last) };
}

function answerIn(message: Message): JsonValue {
  const texts: string[] = [];
  for (const { part } of message.content) {
    if (part.case === "json") return toJson(ValueSchema, part.value);
    if (part.case === "text") texts.push(part.value);
  }
  return texts.join("");
}

function jsonOf(value: Value | undefined): JsonValue | undefined {
  return value && toJson(ValueSchema, value);
}

/** The session after the turn; undefined for a stateless one. */
export function contextAfter(
  claim: Claim,
  agent: AgentDefinition,
  context: ExecutionContext,
  added: readonly Message[],
  outcome: TurnOutcome,
  nowMs: number,
): ExecutionContext | undefined {
  if (context.sessionId === "") return undefined;
  return appendTurn(context, {
    messages: added,
    outcome,
    metadata: claim.record.task?.metadata ?? {},
    limits: agent.history,
    nowMs,
  });
}

/** What a cancel that keeps the output commits: it leaves the graph's saved state as it was. */
export function partialOutcome(
  messages: readonly Message[],
  context: ExecutionContext,
): TurnOutcome {
  return {
    messages,
    history: undefined,
    state: undefined,
    usage: undefined,
    finishReason: "",
    interrupts: context.interrupts,
    checkpoint: context.checkpoint,
  };
}
