/** One runner and all that its cases need. */
import { randomUUID } from "node:crypto";
import type { JsonValue } from "@bufbuild/protobuf";
import type { CuttingProxy } from "./cutting-proxy.ts";
import { differences } from "./expectation.ts";
import type { Installation } from "./installation.ts";
import { filled, type Names } from "./placeholders.ts";
import type { Runner } from "./runner.ts";
import { type RunnerProcess, startRunner } from "./runner-process.ts";
import type { Scenario, Step } from "./scenario-file.ts";

export interface Column {
  /** Rejects with what went wrong. A runner that did is replaced for the next case. */
  run(scenario: Scenario): Promise<void>;
  stop(): Promise<void>;
}

export async function createColumn(installation: Installation, runner: Runner): Promise<Column> {
  const proxy = await installation.startProxy();
  const url = `http://127.0.0.1:${proxy.port}`;
  const processes = new Map<string, RunnerProcess>();

  function processOf(name: string): RunnerProcess {
    const started = processes.get(name) ?? startRunner(runner.command, url);
    processes.set(name, started);
    return started;
  }
  async function stop(): Promise<void> {
    const stopping = [...processes.values()].map((process) => process.stop());
    processes.clear();
    await Promise.all(stopping);
  }
  return {
    async run(scenario) {
      const steps = createSteps({ proxy, processOf, view: installation.view });
      try {
        for (const [index, step] of scenario.steps.entries()) {
          await steps.take(step).catch((error: unknown) => {
            const reason = error instanceof Error ? error.message : String(error);
            throw new Error(`${scenario.name}, step ${index + 1}: ${reason}`);
          });
        }
      } catch (error) {
        await stop();
        throw error;
      } finally {
        proxy.plan(undefined);
      }
    },
    stop,
  };
}

interface StepParts {
  readonly proxy: CuttingProxy;
  readonly view: Installation["view"];
  processOf(name: string): RunnerProcess;
}

/** The state of one case: its names, and what has been started. */
function createSteps({ proxy, view, processOf }: StepParts) {
  const names: Names = new Map([
    ["session", `s-${randomUUID()}`],
    ["key", randomUUID()],
  ]);
  const started = new Map<string, Promise<JsonValue>>();

  function check(expected: unknown, saved: Record<string, string> | undefined, actual: JsonValue) {
    const found = differences(filled(expected, names), actual);
    if (found.length > 0) throw new Error(`${found.join("\n")}\nobserved ${clipped(actual)}`);
    for (const [name, field] of Object.entries(saved ?? {})) {
      names.set(name, property(actual, field) ?? "");
    }
  }
  return {
    async take(step: Step): Promise<void> {
      if ("server" in step) {
        const { server } = step;
        const task = await view.look(filled(server, names) as typeof server);
        check({}, step.save, { task_id: task?.taskId ?? "" });
        return;
      }
      if ("finish" in step) {
        const answer = started.get(step.finish);
        if (!answer) throw new Error(`nothing was started as "${step.finish}"`);
        check(step.expect, step.save, await answer);
        return;
      }
      proxy.plan(step.cut);
      const answer = processOf(step.runner ?? "first").ask(filled(step.request, names));
      if (step.start !== undefined) {
        answer.catch(() => undefined);
        started.set(step.start, answer);
        return;
      }
      check(step.expect, step.save, await answer);
      if (proxy.cutsLeft > 0) throw new Error(`${proxy.cutsLeft} cuts have not happened`);
      proxy.plan(undefined);
    },
  };
}

function property(value: JsonValue, name: string): JsonValue | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return value[name];
}

function clipped(value: JsonValue): string {
  const text = JSON.stringify(value);
  return text.length <= 1000 ? text : `${text.slice(0, 1000)}…`;
}
