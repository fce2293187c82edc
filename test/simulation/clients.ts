/** Clients of the simulated installation: they call, wait, stop waiting, and note what they saw. */
import { create } from "@bufbuild/protobuf";
import { ExecuteRequestSchema } from "../../gen/agentlane/v1/agent_service_pb.js";
import type { MultitaskStrategy, OnDisconnect, Priority } from "../../gen/agentlane/v1/task_pb.js";
import { AgentlaneError, isKind } from "../../src/errors.ts";
import type { TaskInput, WatchedBatch, WatchedEntry } from "../../src/tasks/task-manager.ts";
import { userMessage } from "../fakes/scripted-executor.ts";
import { principal as principalOf } from "../harness/principals.ts";
import type { GatewayNode } from "./node.ts";
import type { World } from "./world.ts";

export interface SubmitRequest {
  readonly tenant: string;
  readonly sessionId: string;
  readonly marker: string;
  readonly idempotencyKey: string;
  readonly priority: Priority;
  readonly strategy: MultitaskStrategy;
  readonly maxAttempts: number;
  readonly timeoutMs: number;
  readonly streaming: boolean;
  readonly deadlineInMs: number | undefined;
  readonly onDisconnect: OnDisconnect;
}

export interface KnownTask {
  readonly tenant: string;
  readonly taskId: string;
  readonly idempotencyKey: string;
}

interface Reading {
  readonly watch: number;
  readonly tenant: string;
  readonly taskId: string;
  readonly after: number;
  readonly entries: WatchedEntry[];
  end: string | undefined;
}

const SLOW_READER_MS = 400;

export class Clients {
  /** Tasks whose submit was answered, in order. */
  readonly known: KnownTask[] = [];
  readonly #world: World;
  readonly #readings: Reading[] = [];
  #callCount = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** In the background, like SubmitTask. */
  submit(gateway: GatewayNode, request: SubmitRequest): void {
    const call = this.#noteSubmit(request);
    const { streaming, deadlineInMs, tenant } = request;
    const submitted = gateway.manager
      .submit(principalOf(tenant), inputOf(request), { streaming, deadlineInMs })
      .then(({ task }) => this.#noteSubmitted(call, request, task.taskId))
      .catch((error: unknown) => this.#noteRefused(call, error));
    this.#world.inBackground(gateway.process, submitted);
  }

  /** Like Execute and StreamExecute; disconnects after the time, if there is one. */
  run(gateway: GatewayNode, request: SubmitRequest, disconnectAfterMs: number | undefined): void {
    const call = this.#noteSubmit(request);
    const { streaming, deadlineInMs, tenant } = request;
    const connection = new AbortController();
    if (disconnectAfterMs !== undefined) {
      this.#world.clock.setTimer(disconnectAfterMs, () => connection.abort());
    }
    const { signal } = connection;
    const run = async (): Promise<void> => {
      const options = { streaming, deadlineInMs };
      const { taskId, entries } = await gateway.manager.run(
        principalOf(tenant),
        inputOf(request),
        options,
        signal,
      );
      this.#noteSubmitted(call, request, taskId);
      await this.#read({ tenant, taskId, after: 0 }, entries, signal, false);
    };
    const running = run().catch((error: unknown) => this.#noteRefused(call, error));
    this.#world.inBackground(gateway.process, running);
  }

  /** Reads a log to its end, or `maxCount` entries of it. */
  watch(
    gateway: GatewayNode,
    { tenant, taskId }: KnownTask,
    after: number,
    reader: { readonly isSlow: boolean; readonly maxCount: number },
  ): void {
    const { signal } = new AbortController();
    const entries = gateway.manager.watch(principalOf(tenant), taskId, after, signal);
    const reading = this.#read({ tenant, taskId, after }, entries, signal, reader.isSlow, reader);
    this.#world.inBackground(gateway.process, reading);
  }

  async cancel(gateway: GatewayNode, task: KnownTask, byKey: boolean): Promise<void> {
    const { tenant, taskId, idempotencyKey } = task;
    const target = byKey && idempotencyKey !== "" ? { idempotencyKey } : { taskId };
    await gateway.manager.cancel(principalOf(tenant), target, "enough");
  }

  /** Asks for a task as another tenant. */
  async probe(gateway: GatewayNode, { taskId }: KnownTask, stranger: string): Promise<void> {
    const { manager } = gateway;
    const principal = principalOf(stranger);
    const { signal } = new AbortController();
    const attempts = {
      get: () => manager.get(principal, taskId),
      cancel: () => manager.cancel(principal, { taskId }, "mine"),
      watch: async () => {
        for await (const _ of manager.watch(principal, taskId, 0, signal)) break;
      },
    };
    for (const [what, attempt] of Object.entries(attempts)) {
      const found = await attempt().then(
        () => true,
        (error: unknown) => !isRefusal(error),
      );
      const at = this.#world.clock.now();
      this.#world.recorder.add({ type: "probe", at, found, what: `${what} ${taskId}` });
    }
  }

  /** Whether nobody waits for an answer any more. */
  isIdle(): boolean {
    return this.#readings.every(({ end }) => end !== undefined);
  }

  /** What was seen by readers whose gateway has died, or who were left waiting. */
  finish(): void {
    for (const reading of this.#readings) this.#endReading(reading, "cut");
  }

  async #read(
    what: Pick<Reading, "tenant" | "taskId" | "after">,
    entries: AsyncIterable<WatchedBatch>,
    signal: AbortSignal,
    isSlow: boolean,
    { maxCount } = { maxCount: Number.POSITIVE_INFINITY },
  ): Promise<void> {
    const watch = this.#readings.length;
    const reading: Reading = { ...what, watch, entries: [], end: undefined };
    this.#readings.push(reading);
    const { taskId } = what;
    this.#world.recorder.add({ type: "watching", at: this.#world.clock.now(), watch, taskId });
    try {
      for await (const batch of entries) {
        reading.entries.push(...batch.slice(0, maxCount - reading.entries.length));
        if (reading.entries.length >= maxCount) break;
        if (isSlow) await this.#world.clock.sleep(SLOW_READER_MS, signal);
      }
      const isCut = signal.aborted || reading.entries.length >= maxCount;
      this.#endReading(reading, isCut ? "cut" : "ended");
    } catch (error) {
      this.#endReading(reading, error instanceof AgentlaneError ? error.kind : String(error));
    }
  }

  #endReading(reading: Reading, end: string): void {
    if (reading.end !== undefined) return;
    reading.end = end;
    this.#world.recorder.add({ type: "watched", at: this.#world.clock.now(), ...reading, end });
  }

  #noteSubmit({ tenant, idempotencyKey, ...request }: SubmitRequest): number {
    const call = ++this.#callCount;
    const { marker, sessionId } = request;
    const at = this.#world.clock.now();
    const same = `${sessionId} ${marker}`;
    this.#world.recorder.add({ type: "submit", at, call, tenant, idempotencyKey, request: same });
    return call;
  }

  #noteSubmitted(call: number, { tenant, idempotencyKey }: SubmitRequest, taskId: string): void {
    this.known.push({ tenant, taskId, idempotencyKey });
    this.#world.recorder.add({ type: "submitted", at: this.#world.clock.now(), call, taskId });
  }

  #noteRefused(call: number, error: unknown): void {
    const { kind, reason } =
      error instanceof AgentlaneError ? error : { kind: "unknown", reason: String(error) };
    this.#world.recorder.add({ type: "refused", at: this.#world.clock.now(), call, kind, reason });
  }
}

function inputOf(request: SubmitRequest): TaskInput {
  const { timeoutMs, marker, strategy: multitaskStrategy } = request;
  const { sessionId, idempotencyKey, priority, maxAttempts, onDisconnect } = request;
  return create(ExecuteRequestSchema, {
    agentId: "scripted",
    sessionId,
    messages: [userMessage(`in:${marker}`)],
    idempotencyKey,
    priority,
    maxAttempts,
    onDisconnect,
    multitaskStrategy,
    metadata: { marker },
    timeout: { seconds: BigInt(Math.floor(timeoutMs / 1000)), nanos: 0 },
  });
}

/** Unknown, or not asked. */
function isRefusal(error: unknown): boolean {
  const kinds = ["not_found", "unavailable", "resource_exhausted"] as const;
  return kinds.some((kind) => isKind(error, kind));
}
