/**
 * What is sealed of each message, and what stays readable for those that schedule, count and list. A
 * sealed message is a shell of its own type with the whole message in the sealed field.
 */
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import {
  type ExecuteRequest,
  ExecuteRequestSchema,
} from "../../gen/agentlane/v1/agent_service_pb.js";
import { MessageSchema } from "../../gen/agentlane/v1/content_pb.js";
import {
  type ExecutionContext,
  ExecutionContextSchema,
} from "../../gen/agentlane/v1/session_pb.js";
import {
  type TaskError,
  TaskErrorSchema,
  type TaskEvent,
  TaskEventSchema,
  type TaskResult,
  TaskResultSchema,
} from "../../gen/agentlane/v1/task_pb.js";
import { AgentlaneError } from "../errors.ts";
import type { SessionRef, TaskRef } from "../store/contract.ts";
import { placeOf } from "./contract.ts";
import { isAboutKeys } from "./errors.ts";
import { fingerprintsOf, openerOf, type Schemes, sealerOf } from "./schemes.ts";
import { sealedField, sealedIn } from "./sealed-field.ts";

export class Content {
  readonly #schemes: Schemes;
  /** Whether content is sealed; what others have sealed is opened, or refused, anyway. */
  readonly isSealing: boolean;

  constructor(schemes: Schemes) {
    this.#schemes = schemes;
    this.isSealing = sealerOf(schemes) !== undefined;
  }

  /** Digests of a request as they may be kept, the one to keep first. */
  async digests(tenant: string, digest: string): Promise<readonly string[]> {
    if (digest === "" || !this.isSealing) return [digest];
    const text = JSON.stringify([tenant, digest]);
    // The plain one is of a task that was accepted before anything was encrypted.
    return [...(await fingerprintsOf(this.#schemes, text)), digest];
  }

  async sealRequest(ref: TaskRef, request: ExecuteRequest): Promise<ExecuteRequest> {
    return this.#seal(ExecuteRequestSchema, request, create(ExecuteRequestSchema), requestAt(ref));
  }

  async openRequest(ref: TaskRef, request: ExecuteRequest): Promise<ExecuteRequest> {
    return this.#open(ExecuteRequestSchema, request, requestAt(ref));
  }

  /** Its tokens are counted for the tenant, its version shows in lists. */
  async sealResult(ref: TaskRef, result: TaskResult): Promise<TaskResult> {
    const { usage, sessionVersion } = result;
    const shell = create(TaskResultSchema, { sessionVersion, ...(usage && { usage }) });
    return this.#seal(TaskResultSchema, result, shell, resultAt(ref));
  }

  async openResult(ref: TaskRef, result: TaskResult): Promise<TaskResult> {
    return this.#open(TaskResultSchema, result, resultAt(ref));
  }

  /**
   * Dead letters are found by their reason. What is said about missing keys has no content, and is for
   * those who lack a key.
   */
  async sealError(ref: TaskRef, error: TaskError): Promise<TaskError> {
    if (isAboutKeys(error)) return error;
    const { code, reason, retryable } = error;
    const shell = create(TaskErrorSchema, { code, reason, retryable });
    return this.#seal(TaskErrorSchema, error, shell, errorAt(ref));
  }

  /** One that cannot be read says why in its message: what else is known of its task is worth showing. */
  async openError(ref: TaskRef, error: TaskError): Promise<TaskError> {
    try {
      return await this.#open(TaskErrorSchema, error, errorAt(ref));
    } catch (failure) {
      if (!(failure instanceof AgentlaneError)) throw failure;
      const { code, reason, retryable } = error;
      return create(TaskErrorSchema, { code, reason, retryable, message: failure.message });
    }
  }

  async sealEvent(ref: TaskRef, sequence: number, event: TaskEvent): Promise<TaskEvent> {
    const { createdAt } = event;
    const shell = create(TaskEventSchema, createdAt ? { createdAt } : {});
    return this.#seal(TaskEventSchema, event, shell, eventAt(ref, sequence));
  }

  /** An event of an attempt, or a change of state that the store has told with what was sealed. */
  async openEvent(ref: TaskRef, sequence: number, event: TaskEvent): Promise<TaskEvent> {
    if (!isSealedEvent(event)) return event;
    const { kind, createdAt } = event;
    if (kind.case !== "stateChange") {
      const opened = await this.#open(TaskEventSchema, event, eventAt(ref, sequence));
      return createdAt ? { ...opened, createdAt } : opened;
    }
    const { result, error } = kind.value;
    const value = {
      ...kind.value,
      ...(result && { result: await this.openResult(ref, result) }),
      ...(error && { error: await this.openError(ref, error) }),
    };
    return { ...event, kind: { case: "stateChange", value } };
  }

  /** Lists show its version, its instants and how many messages there are. */
  async sealSession(ref: SessionRef, context: ExecutionContext): Promise<ExecutionContext> {
    const { agentId, sessionId, version, createdAt, updatedAt } = context;
    const placeholder = create(MessageSchema);
    const shell = create(ExecutionContextSchema, {
      agentId,
      sessionId,
      version,
      history: context.history.map(() => placeholder),
      ...(createdAt && { createdAt }),
      ...(updatedAt && { updatedAt }),
    });
    return this.#seal(ExecutionContextSchema, context, shell, sessionAt(ref, context));
  }

  /** `ref`: where it was found, whatever it says of itself. */
  async openSession(ref: SessionRef, context: ExecutionContext): Promise<ExecutionContext> {
    if (!sealedIn(context)) return context;
    const { createdAt, updatedAt } = context;
    const opened = await this.#open(ExecutionContextSchema, context, sessionAt(ref, context));
    return { ...opened, ...(createdAt && { createdAt }), ...(updatedAt && { updatedAt }) };
  }

  async #seal<D extends DescMessage>(
    schema: D,
    message: MessageShape<D>,
    shell: MessageShape<D>,
    place: Uint8Array,
  ): Promise<MessageShape<D>> {
    const sealed = await sealerOf(this.#schemes)?.seal(toBinary(schema, message), place);
    return sealed ? { ...shell, $unknown: sealedField(sealed) } : message;
  }

  async #open<D extends DescMessage>(
    schema: D,
    message: MessageShape<D>,
    place: Uint8Array,
  ): Promise<MessageShape<D>> {
    const sealed = sealedIn(message);
    if (!sealed) return message;
    return fromBinary(schema, await openerOf(this.#schemes, sealed).open(sealed, place));
  }
}

/** Whether something of it is to be opened. */
export function isSealedEvent(event: TaskEvent): boolean {
  if (sealedIn(event)) return true;
  if (event.kind.case !== "stateChange") return false;
  return isSealed(event.kind.value.result) || isSealed(event.kind.value.error);
}

function isSealed(message: TaskResult | TaskError | undefined): boolean {
  return message !== undefined && sealedIn(message) !== undefined;
}

function requestAt({ tenant, taskId }: TaskRef): Uint8Array {
  return placeOf("request", tenant, taskId);
}

function resultAt({ tenant, taskId }: TaskRef): Uint8Array {
  return placeOf("result", tenant, taskId);
}

function errorAt({ tenant, taskId }: TaskRef): Uint8Array {
  return placeOf("error", tenant, taskId);
}

function eventAt({ tenant, taskId }: TaskRef, sequence: number): Uint8Array {
  return placeOf("event", tenant, taskId, sequence);
}

function sessionAt(
  { tenant, agentId, sessionId }: SessionRef,
  { version }: ExecutionContext,
): Uint8Array {
  return placeOf("session", tenant, agentId, sessionId, version);
}
