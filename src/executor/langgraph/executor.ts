/** FrameworkExecutor for LangGraph. This room is the only one that knows LangChain. */
import "./environment.ts";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { context } from "@opentelemetry/api";
import {
  type AgentDescription,
  AgentDescriptionSchema,
  type AgentProblem,
  AgentProblemSchema,
  FrameworkHealthSchema,
} from "../../../gen/agentlane/v1/operations_service_pb.js";
import type { Clock } from "../../clock.ts";
import { AgentlaneError } from "../../errors.ts";
import { type NewId, uuidV7 } from "../../ids.ts";
import { service } from "../../lifecycle.ts";
import { createOutboundFetch, type OutboundFetch } from "../../outbound-fetch.ts";
import { redact, redactedCause, secretsOf } from "../../redact.ts";
import { type Metrics, NO_METRICS } from "../../telemetry/metrics.ts";
import { type AgentDefinition, agentDefinitionSchema } from "../agent-definition.ts";
import type { FrameworkExecutor, Turn, TurnEvent } from "../contract.ts";
import type { OwnedRuntime } from "./build-runtime.ts";
import { isReadableCheckpoint } from "./checkpoint.ts";
import { canceled, messageOf, toAgentlaneError } from "./errors.ts";
import { createEventChannel } from "./event-channel.ts";
import { property } from "./json.ts";
import { createModelMetrics, type ModelMetrics } from "./model-metrics.ts";
import { createProjectModules } from "./project-modules.ts";
import { runTurn } from "./run-turn.ts";
import { createRuntimeCache, type RuntimeCache } from "./runtime-cache.ts";
import { DefinitionProblem } from "./toolbox.ts";
import { createTracingCallbacks, type TracingCallbacks } from "./tracing.ts";

export interface LangGraphExecutorOptions {
  readonly clock: Clock;
  /** Makes ids of messages and tool calls. Default: UUID version 7. */
  readonly newId?: NewId;
  /** Whether spans carry prompts and answers (OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT). */
  readonly captureContent?: boolean;
  /** Where credentials are, by name: their values are cut out of what failures say. Default: nowhere. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** For MCP servers over HTTP. Default: one that reaches what is public, and what definitions name. */
  readonly outboundFetch?: OutboundFetch;
  /** Default: off. */
  readonly metrics?: Metrics;
}

const CAPABILITIES = ["streaming", "tools", "memory", "interrupts", "mcp"];
const TEMPLATES = agentDefinitionSchema.shape.template.options;

export function createLangGraphExecutor(options: LangGraphExecutorOptions): FrameworkExecutor {
  const { clock, newId = uuidV7(options.clock) } = options;
  const modules = createProjectModules();
  const { outboundFetch = createOutboundFetch({ clock, allowed: [] }) } = options;
  const runtimes = createRuntimeCache({ clock, newId, modules, outboundFetch });
  const metrics = createModelMetrics(options.metrics ?? NO_METRICS, clock);
  let running = false;

  const { start, stop } = service(
    async () => {
      running = true;
    },
    async () => {
      running = false;
      await runtimes.close();
      modules.close();
    },
  );

  return {
    framework: "langgraph",
    start,
    stop,
    async validate(agent) {
      try {
        await runtimes.get(agent);
        return [];
      } catch (error) {
        return [problemOf(error)];
      }
    },
    async describe(agent) {
      const runtime = await runtimes.get(agent).catch((error: unknown) => {
        throw invalidAgent(agent, error);
      });
      return describeAgent(agent, runtime);
    },
    execute: (turn) =>
      execute(turn, {
        clock,
        newId,
        runtimes,
        environment: options.environment ?? {},
        metrics,
        tracing: tracingOf(turn, options.captureContent ?? false, clock),
      }),
    readsCheckpoint: isReadableCheckpoint,
    health: () =>
      create(FrameworkHealthSchema, {
        framework: "langgraph",
        version: langGraphVersion(),
        templatesLoaded: running ? TEMPLATES.length : 0,
        executorInitialized: running,
        capabilities: CAPABILITIES,
      }),
  };
}

/** Runs when it is read. */
function execute(
  turn: Turn,
  parts: {
    clock: Clock;
    newId: NewId;
    runtimes: RuntimeCache;
    environment: Readonly<Record<string, string | undefined>>;
    metrics: ModelMetrics;
    tracing: TracingCallbacks | undefined;
  },
): AsyncIterable<TurnEvent> {
  const { clock, tracing } = parts;
  // The graph's own signal: it also tells of a reader that leaves early.
  const controller = new AbortController();
  const { signal } = controller;
  const channel = createEventChannel(() => {
    turn.signal.removeEventListener("abort", onAbort);
    if (!channel.ended) {
      const reason = new AgentlaneError("canceled", "TURN_ABANDONED", "nobody reads the turn");
      channel.fail(reason);
      controller.abort(reason);
    }
    tracing?.close();
  });
  // The reader does not wait for a graph that ignores its signal.
  const onAbort = (): void => {
    const reason = canceled(turn.signal);
    channel.fail(reason);
    controller.abort(reason);
  };

  const run = async (): Promise<void> => {
    try {
      const runtime = await parts.runtimes.get(turn.agent).catch((error: unknown) => {
        throw unusableAgent(turn.agent, error);
      });
      const outcome = await runTurn(turn, {
        runtime,
        channel,
        signal,
        clock,
        metrics: parts.metrics,
        handlers: tracing ? [tracing] : [],
        newId: parts.newId,
      });
      channel.finish({ type: "outcome", outcome });
    } catch (error) {
      const failure = toAgentlaneError(error, turn.signal, clock.now());
      const secrets = [...secretsOf(parts.environment), ...secretsOf(turn.agent.modelOptions)];
      failure.message = redact(failure.message, secrets);
      failure.cause = redactedCause(failure.cause, secrets);
      channel.fail(failure);
    }
  };

  return {
    [Symbol.asyncIterator]() {
      if (turn.signal.aborted) onAbort();
      else {
        turn.signal.addEventListener("abort", onAbort, { once: true });
        void run();
      }
      return channel[Symbol.asyncIterator]();
    },
  };
}

/** The active context is that of the caller now, not of whoever reads the first event. */
function tracingOf(
  turn: Turn,
  captureContent: boolean,
  clock: Clock,
): TracingCallbacks | undefined {
  const parent = context.active();
  return createTracingCallbacks({ parent, streaming: turn.streaming, captureContent, clock });
}

function problemOf(error: unknown): AgentProblem {
  const field = error instanceof DefinitionProblem ? error.field : "";
  return create(AgentProblemSchema, { field, message: messageOf(error) });
}

function invalidAgent(agent: AgentDefinition, error: unknown): AgentlaneError {
  const { field, message } = problemOf(error);
  const where = field ? `${agent.id}.${field}` : agent.id;
  return new AgentlaneError(
    "invalid_argument",
    "AGENT_INVALID",
    `the definition of agent ${where} is not usable: ${message}`,
    {
      cause: error,
      fieldViolations: [{ field, description: message }],
      metadata: { agent_id: agent.id },
    },
  );
}

/** For a turn, a server that cannot be reached is no fault of the definition. */
function unusableAgent(agent: AgentDefinition, error: unknown): AgentlaneError {
  const invalid = invalidAgent(agent, error);
  if (!(error instanceof DefinitionProblem) || !error.transient) return invalid;
  return new AgentlaneError("unavailable", "AGENT_UNAVAILABLE", invalid.message, {
    cause: error,
    metadata: invalid.metadata,
  });
}

function describeAgent(agent: AgentDefinition, runtime: OwnedRuntime): AgentDescription {
  return create(AgentDescriptionSchema, {
    agentId: agent.id,
    description: agent.description,
    template: agent.template,
    framework: "langgraph",
    model: agent.model ?? "",
    queue: agent.queue,
    tools: runtime.tools.map(({ name, description, inputSchema }) => ({
      name,
      description,
      ...(inputSchema ? { inputSchema } : {}),
    })),
    ...(runtime.inputSchema ? { inputSchema: runtime.inputSchema } : {}),
    capabilities: [
      "streaming",
      ...(runtime.tools.length > 0 ? ["tools"] : []),
      "memory",
      ...(runtime.checkpointed ? ["interrupts"] : []),
    ],
    maxAttempts: agent.maxAttempts,
    ...(agent.timeoutMs === undefined ? {} : { timeout: durationFromMs(agent.timeoutMs) }),
  });
}

function langGraphVersion(): string {
  const require = createRequire(import.meta.url);
  const file = require.resolve("@langchain/langgraph/package.json");
  const version = property(JSON.parse(readFileSync(file, "utf8")), "version");
  return typeof version === "string" ? version : "";
}
