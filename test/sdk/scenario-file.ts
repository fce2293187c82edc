/** `scenarios.json`: the cases, in the form that README.md describes. */
import { readFileSync } from "node:fs";
import { create, toBinary } from "@bufbuild/protobuf";
import { z } from "zod";
import { TaskState, TaskStateChangeSchema } from "../../gen/agentlane/v1/task_pb.js";
import type { CutPlan } from "./cut-plan.ts";

/** In the log of a task: the event that says that it has gone from RUNNING to a state. */
const before = z.string().transform((name) => {
  const state = Object.entries(TaskState).find(([key]) => key === name)?.[1];
  if (typeof state !== "number") throw new Error(`no task state ${name}`);
  return toBinary(TaskStateChangeSchema, create(TaskStateChangeSchema, { previous, state }));
});
const previous = TaskState.RUNNING;

const cut = z
  .strictObject({
    afterBytes: z.number().int().min(0).optional(),
    before: before.optional(),
    times: z.number().int().min(1),
    how: z.union([z.enum(["rst", "fin", "goaway", "shutdown"]), z.number().int().min(0)]),
    refuse: z.number().int().min(1).optional(),
    hold: z.boolean().optional(),
  })
  .refine((plan) => (plan.afterBytes === undefined) === (plan.before !== undefined), {
    message: "a cut is either `afterBytes` or `before`",
  }) satisfies z.ZodType<CutPlan>;

const save = z.record(z.string(), z.string()).optional();
const expectation = z.looseObject({ ok: z.boolean() });
const text = z.union([z.string(), z.strictObject({ $text: z.tuple([z.string(), z.number()]) })]);

/** A request to a runner, before its placeholders are filled. */
const request = z.strictObject({
  op: z.enum([
    "execute",
    "stream",
    "submit",
    "watch",
    "cancel",
    "getTask",
    "getSession",
    "destroySession",
    "listDeadLetters",
    "redrive",
  ]),
  agent_id: z.string().optional(),
  session_id: z.string().optional(),
  text: text.optional(),
  resume: z.json().optional(),
  input: z.json().optional(),
  configurable: z.record(z.string(), z.json()).optional(),
  idempotency_key: z.string().optional(),
  metadata: z.record(z.string(), z.string()).optional(),
  max_attempts: z.number().int().optional(),
  multitask_strategy: z.enum(["ENQUEUE", "REJECT", "INTERRUPT", "ROLLBACK"]).optional(),
  timeout_ms: z.number().int().optional(),
  abort_after_ms: z.number().int().optional(),
  stop_after_events: z.number().int().optional(),
  task_id: z.string().optional(),
  after_sequence: z.number().int().optional(),
});

const requestStep = z
  .strictObject({
    request,
    runner: z.literal("second").optional(),
    cut: cut.optional(),
    times: z.number().int().min(2).optional(),
    start: z.string().optional(),
    expect: expectation.optional(),
    save,
  })
  .refine((step) => (step.start === undefined) === (step.expect !== undefined), {
    message: "a request has either `expect` or `start`",
  });

const finishStep = z.strictObject({ finish: z.string(), expect: expectation, save });

const server = z.strictObject({
  task: z.string().optional(),
  session: z.string().optional(),
  until: z.string().optional(),
  error: z.string().optional(),
  tasks: z.number().int().optional(),
  cancel: z.literal(true).optional(),
});

const restartStep = z.strictObject({ restart: z.enum(["SIGTERM", "SIGKILL"]) });

const serverStep = z.strictObject({ server, save });

const scenario = z.strictObject({
  name: z.string(),
  on: z.enum(["tight", "durable"]).optional(),
  steps: z.array(z.union([requestStep, finishStep, serverStep, restartStep])).min(1),
});

export type Scenario = z.infer<typeof scenario>;
export type Step = Scenario["steps"][number];
export type ServerLook = z.infer<typeof server>;

export function loadScenarios(): Scenario[] {
  const text = readFileSync(new URL("scenarios.json", import.meta.url), "utf8");
  return z.strictObject({ cases: z.array(scenario) }).parse(JSON.parse(text)).cases;
}
