/** The client: what is done often, in a line each; everything else through the generated clients. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import { AdminService } from "../gen/agentlane/v1/admin_service_pb.js";
import { AgentService, type ExecuteRequest } from "../gen/agentlane/v1/agent_service_pb.js";
import { OperationsService } from "../gen/agentlane/v1/operations_service_pb.js";
import type { ExecutionContextSchema } from "../gen/agentlane/v1/session_pb.js";
import { SessionService } from "../gen/agentlane/v1/session_service_pb.js";
import type { Task } from "../gen/agentlane/v1/task_pb.js";
import {
  type CancelTaskRequest,
  type ListDeadLettersRequestSchema,
  type ListTasksRequestSchema,
  type PurgeDeadLettersRequestSchema,
  SubmitTaskRequestSchema,
  type SubmitTaskResponse,
  TaskService,
} from "../gen/agentlane/v1/task_service_pb.js";
import { AgentlaneError } from "./errors.ts";
import { type CallOptions, DEFAULT_RETRY, type RetryOptions, Scope, sleep } from "./scope.ts";
import { requestOf, resultOf, type Turn, type TurnResult } from "./turn.ts";
import { TurnStream } from "./turn-stream.ts";
import { type HeadersOf, withHeaders } from "./with-headers.ts";

export interface ClientOptions {
  /** Sent as `authorization: Bearer …`. */
  readonly apiKey?: string | undefined;
  /** Metadata of every call. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** For operations that name none. Default: no limit. */
  readonly deadlineMs?: number | undefined;
  readonly retry?: Partial<RetryOptions> | undefined;
}

export interface SubmitOptions extends CallOptions {
  /** Whether tokens are produced, for somebody who will watch. Default false. */
  readonly streaming?: boolean;
}

/** Bound on telling the server that nobody waits any more. */
const CANCEL_LIMIT_MS = 2000;

type Target = CancelTaskRequest["target"];
type WireCall<T> = Parameters<typeof Scope.prototype.repeat<T>>[0];

export class AgentlaneClient {
  readonly agents: Client<typeof AgentService>;
  readonly tasks: Client<typeof TaskService>;
  readonly sessions: Client<typeof SessionService>;
  readonly operations: Client<typeof OperationsService>;
  readonly admin: Client<typeof AdminService>;
  readonly #options: ClientOptions;
  readonly #close: () => void;

  /** `connect` of "@agentlane/sdk" calls it. `headersOf`: asked before each call. */
  constructor(
    transport: Transport,
    options: ClientOptions = {},
    close: () => void = () => undefined,
    headersOf: HeadersOf = () => ({}),
  ) {
    const { apiKey, headers } = options;
    const fixed = { ...headers, ...(apiKey && { authorization: `Bearer ${apiKey}` }) };
    const own = withHeaders(transport, async () => ({ ...(await headersOf()), ...fixed }));
    this.agents = createClient(AgentService, own);
    this.tasks = createClient(TaskService, own);
    this.sessions = createClient(SessionService, own);
    this.operations = createClient(OperationsService, own);
    this.admin = createClient(AdminService, own);
    this.#options = options;
    this.#close = close;
  }

  /** Runs a turn and answers with its result. Throws AgentlaneError, also when the task failed. */
  async execute(turn: Turn, options?: CallOptions): Promise<TurnResult> {
    const request = requestOf(turn);
    const scope = this.#scope(options);
    try {
      const answer = await scope.repeat((wire) => this.agents.execute(request, wire));
      return resultOf(answer.taskId, answer.state, answer.result);
    } catch (error) {
      if (scope.gaveUp) await this.#abandon(request, "");
      throw error;
    }
  }

  /** Answers the open interrupt of a session. */
  resume(turn: Turn, answer: NonNullable<Turn["resume"]>, options?: CallOptions) {
    return this.execute({ ...turn, resume: answer }, options);
  }

  /** Runs a turn and streams its events, from the first to the terminal one. */
  stream(turn: Turn, options?: CallOptions): TurnStream {
    const request = requestOf(turn);
    const { $typeName: _, ...fields } = request;
    const scope = this.#scope(options);
    return new TurnStream({
      scope,
      throwsFailure: true,
      open: (taskId, afterSequence, signal) => {
        const wire = joined(scope.wireOptions(), signal);
        if (taskId === "") return this.agents.streamExecute(fields, wire);
        return this.tasks.watchTask({ taskId, afterSequence }, wire);
      },
      abandoned: (taskId) => this.#abandon(request, taskId),
    });
  }

  /** Follows a task. Leaving it cancels nothing, and a task that fails is no error. */
  watch(
    taskId: string,
    options: CallOptions & { readonly afterSequence?: number } = {},
  ): TurnStream {
    const scope = this.#scope(options);
    const source = {
      scope,
      throwsFailure: false,
      open: (id: string, afterSequence: number, signal: AbortSignal) =>
        this.tasks.watchTask({ taskId: id, afterSequence }, joined(scope.wireOptions(), signal)),
      abandoned: async () => undefined,
    };
    return new TurnStream(source, taskId, options.afterSequence);
  }

  /** Runs a turn in the background. */
  submit(turn: Turn, options: SubmitOptions = {}): Promise<SubmitTaskResponse> {
    const { $typeName: _, onDisconnect: __, ...fields } = requestOf(turn);
    const request = create(SubmitTaskRequestSchema, {
      ...fields,
      streaming: options.streaming ?? false,
    });
    return this.#repeat(options, (wire) => this.tasks.submitTask(request, wire));
  }

  /** By id, or by the key it was submitted with. Idempotent; a task that has ended stays as it is. */
  cancel(task: string | { readonly idempotencyKey: string }, options?: CallOptions): Promise<Task> {
    const target: Target =
      typeof task === "string"
        ? { case: "taskId", value: task }
        : { case: "idempotencyKey", value: task.idempotencyKey };
    const call = this.#repeat(options, (wire) => this.tasks.cancelTask({ target }, wire));
    return call.then((answer) => present(answer.task));
  }

  getTask(taskId: string, options?: CallOptions): Promise<Task> {
    const call = this.#repeat(options, (wire) => this.tasks.getTask({ taskId }, wire));
    return call.then((answer) => present(answer.task));
  }

  listTasks(filter: MessageInitShape<typeof ListTasksRequestSchema> = {}, options?: CallOptions) {
    return this.#repeat(options, (wire) => this.tasks.listTasks(filter, wire));
  }

  getSession(agentId: string, sessionId: string, options?: CallOptions) {
    const session = { agentId, sessionId };
    return this.#repeat(options, (wire) => this.sessions.getSession(session, wire));
  }

  /** True when there was something to destroy. */
  destroySession(agentId: string, sessionId: string, options?: CallOptions): Promise<boolean> {
    const session = { agentId, sessionId };
    const call = this.#repeat(options, (wire) => this.sessions.destroySession(session, wire));
    return call.then(({ destroyed }) => destroyed);
  }

  exportSession(agentId: string, sessionId: string, options?: CallOptions) {
    const session = { agentId, sessionId };
    const call = this.#repeat(options, (wire) => this.sessions.exportSession(session, wire));
    return call.then(({ context }) => present(context));
  }

  /** Not repeated after a broken connection: a session that exists by then may be this one. */
  importSession(
    context: MessageInitShape<typeof ExecutionContextSchema>,
    options?: CallOptions & { readonly overwrite?: boolean },
  ) {
    const request = { context, overwrite: options?.overwrite ?? false };
    return this.#once(options, (wire) => this.sessions.importSession(request, wire));
  }

  listDeadLetters(
    filter: MessageInitShape<typeof ListDeadLettersRequestSchema> = {},
    options?: CallOptions,
  ) {
    return this.#repeat(options, (wire) => this.tasks.listDeadLetters(filter, wire));
  }

  /** Not repeated after a broken connection: a task may have failed anew by then. */
  redrive(taskIds: readonly string[], options?: CallOptions) {
    return this.#once(options, (wire) => this.tasks.redriveTasks({ taskIds: [...taskIds] }, wire));
  }

  purgeDeadLetters(
    filter: MessageInitShape<typeof PurgeDeadLettersRequestSchema>,
    options?: CallOptions,
  ) {
    return this.#once(options, (wire) => this.tasks.purgeDeadLetters(filter, wire));
  }

  /** Closes the connections; calls under way fail. */
  close(): void {
    this.#close();
  }

  #scope(options: CallOptions = {}, retry = this.#options.retry): Scope {
    const deadlineMs = options.deadlineMs ?? this.#options.deadlineMs;
    return new Scope({ ...options, deadlineMs }, { ...DEFAULT_RETRY, ...retry });
  }

  #repeat<T>(options: CallOptions | undefined, call: WireCall<T>): Promise<T> {
    return this.#scope(options).repeat(call);
  }

  #once<T>(options: CallOptions | undefined, call: WireCall<T>): Promise<T> {
    return this.#scope(options, { maxTries: 1 }).repeat(call);
  }

  /** Best effort. A submit that is still under way is not found at first. */
  async #abandon({ idempotencyKey }: ExecuteRequest, taskId: string): Promise<void> {
    const target: Target =
      taskId === ""
        ? { case: "idempotencyKey", value: idempotencyKey }
        : { case: "taskId", value: taskId };
    const signal = AbortSignal.timeout(CANCEL_LIMIT_MS);
    for (let tries = 0; tries < 4; tries++) {
      try {
        await this.tasks.cancelTask({ target, reason: "the caller went away" }, { signal });
        return;
      } catch (cause) {
        const { code } = AgentlaneError.from(cause);
        if (code !== "NOT_FOUND" && code !== "UNAVAILABLE") return;
      }
      await sleep(100 * 2 ** tries, signal);
    }
  }
}

function joined<T extends { readonly signal?: AbortSignal }>(wire: T, signal: AbortSignal): T {
  return { ...wire, signal: wire.signal ? AbortSignal.any([wire.signal, signal]) : signal };
}

function present<T>(value: T | undefined): T {
  if (value === undefined) throw new AgentlaneError("the answer is empty", { code: "INTERNAL" });
  return value;
}
