/** One runner and all that its cases need. A proxy and processes per server, made when asked for. */
import { randomUUID } from "node:crypto";
import type { JsonValue } from "@bufbuild/protobuf";
import type { CuttingProxy } from "./cutting-proxy.ts";
import { differences } from "./expectation.ts";
import type { Installation, ServerName, TestServer } from "./installation.ts";
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
  const proxies = new Map<ServerName, CuttingProxy>();
  const processes = new Map<string, RunnerProcess>();

  async function proxyTo(server: ServerName): Promise<CuttingProxy> {
    const started = proxies.get(server) ?? (await installation.servers[server].startProxy());
    proxies.set(server, started);
    return started;
  }
  function processOf(name: string, proxy: CuttingProxy): RunnerProcess {
    const key = `${name} ${proxy.port}`;
    const url = `http://127.0.0.1:${proxy.port}`;
    const started = processes.get(key) ?? startRunner(runner.command, url);
    processes.set(key, started);
    return started;
  }
  async function stop(): Promise<void> {
    const stopping = [...processes.values()].map((process) => process.stop());
    processes.clear();
    await Promise.all(stopping);
  }
  return {
    async run(scenario) {
      const { on = "main" } = scenario;
      const proxy = await proxyTo(on);
      const steps = createSteps({
        proxy,
        processOf: (name) => processOf(name, proxy),
        server: installation.servers[on],
      });
      try {
        for (const [index, step] of scenario.steps.entries()) {
          await steps.take(step).catch((error: unknown) => {
            const reason = error instanceof Error ? error.message : String(error);
            throw new Error(`${scenario.name}, step ${index + 1}: ${reason}`);
          });
        }
      } catch (error) {
        await stop();
        await steps.cleanUp();
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
  readonly server: TestServer;
  processOf(name: string): RunnerProcess;
}

/** The state of one case: its names, and what has been started. */
function createSteps({ proxy, server, processOf }: StepParts) {
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
    /** So that a case that fails leaves nothing to the next ones. */
    async cleanUp(): Promise<void> {
      await server.view.look({ session: String(names.get("session")), cancel: true });
    },
    async take(step: Step): Promise<void> {
      if ("restart" in step) return server.restart(step.restart);
      if ("server" in step) {
        const task = await server.view.look(filled(step.server, names) as typeof step.server);
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
      const asked = processOf(step.runner ?? "first");
      for (let time = 1; time < (step.times ?? 1); time++) {
        check(step.expect, undefined, await asked.ask(filled(step.request, names)));
      }
      const answer = asked.ask(filled(step.request, names));
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
