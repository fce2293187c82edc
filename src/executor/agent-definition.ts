/** What agentlane.json says of an agent. Validated by zod; every message names the key. */
import { z } from "zod";

export const AGENT_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

const durationMs = z.number().int().positive().max(86_400_000);

/** Where a graph or a tool lives: a file relative to the agents file, and an export of it. */
const moduleRef = z
  .string()
  .regex(/^.+:[A-Za-z_$][\w$]*$/, 'must look like "./path/file.ts:exportName"');

const toolRef = z.discriminatedUnion("type", [
  /** A tool that ships with Agentlane: calculator, clock, … */
  z.strictObject({ type: z.literal("builtin"), name: z.string().min(1) }),
  /** An export that is a LangChain tool, or an array of them. */
  z.strictObject({ type: z.literal("module"), module: moduleRef }),
  /** All tools of an MCP server, over stdio or HTTP. */
  z.strictObject({
    type: z.literal("mcp"),
    name: z.string().min(1),
    command: z.string().min(1).optional(),
    args: z.array(z.string()).optional(),
    env: z.record(z.string(), z.string()).optional(),
    url: z.url().optional(),
    headers: z.record(z.string(), z.string()).optional(),
  }),
]);

export const agentDefinitionSchema = z.strictObject({
  /** Set from the key in the file. */
  id: z.string().regex(AGENT_ID),
  description: z.string().max(2000).default(""),
  framework: z.string().default("langgraph"),
  template: z.enum(["echo", "chat", "react", "demo", "graph"]),
  /** initChatModel's form, e.g. "openai:gpt-5-mini". Required for chat and react. */
  model: z.string().min(1).optional(),
  /** Passed to initChatModel, e.g. temperature, baseUrl. */
  modelOptions: z.record(z.string(), z.json()).optional(),
  systemPrompt: z.string().max(100_000).optional(),
  tools: z.array(toolRef).max(128).default([]),
  /** For template graph: the compiled graph, builder or factory. */
  graph: moduleRef.optional(),
  /** Directory that module paths are relative to; set by the loader. */
  baseDir: z.string().default("."),
  /** Values for the demo and echo templates and for factories. */
  options: z.record(z.string(), z.json()).default({}),
  queue: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/)
    .default("agent.tasks"),
  /** Attempts, the first included. */
  maxAttempts: z.number().int().min(1).max(100).default(3),
  /** Limit on an attempt in ms; undefined = AGENT_EXECUTION_TIMEOUT. */
  timeoutMs: durationMs.optional(),
  retry: z
    .strictObject({
      initialBackoffMs: z.number().int().min(0).max(3_600_000).default(1000),
      multiplier: z.number().min(1).max(100).default(2),
      maxBackoffMs: z.number().int().min(0).max(86_400_000).default(60_000),
    })
    .prefault({}),
  history: z
    .strictObject({
      /** Messages kept; older ones are trimmed at turn boundaries. */
      maxMessages: z.number().int().min(2).max(100_000).default(200),
      /** Approximate tokens kept (4 characters a token); undefined = no limit. */
      maxTokens: z.number().int().min(1).optional(),
    })
    .prefault({}),
});

export type AgentDefinition = z.infer<typeof agentDefinitionSchema>;
