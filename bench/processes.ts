/** Child processes of a bench: servers, and the client that loads them. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { LoadOrder, LoadReport } from "./load-client.ts";

export interface Child {
  readonly port: number;
  readonly pid: number;
  /** Sends an order and waits for the report. */
  ask<Order extends object, Report>(order: Order): Promise<Report>;
  stop(): Promise<void>;
}

/** Starts `bench/<file>`; ready when it has told its port. `output`: of a file that takes what it prints. */
export async function startChild(
  file: string,
  args: readonly string[] = [],
  output: "inherit" | number = "inherit",
): Promise<Child> {
  const child = spawn(file, args, output);
  const { port } = await nextMessage<{ port: number }>(child, file);
  return {
    port,
    pid: child.pid ?? 0,
    ask: (order) => ask(child, order, file),
    stop: () => stop(child),
  };
}

export interface LoadClient {
  load(order: LoadOrder): Promise<LoadReport>;
  stop(): Promise<void>;
}

export function startLoadClient(): LoadClient {
  const child = spawn("load-client.ts", []);
  return {
    load: (order) => ask<LoadOrder, LoadReport>(child, order, "load-client.ts"),
    stop: () => stop(child),
  };
}

function spawn(
  file: string,
  args: readonly string[],
  output: "inherit" | number = "inherit",
): ChildProcess {
  return fork(fileURLToPath(new URL(file, import.meta.url)), args, {
    execArgv: ["--expose-gc", "--max-old-space-size=8192", ...profiling()],
    stdio: ["ignore", output, "inherit", "ipc"],
    env: { ...process.env, LANGCHAIN_CALLBACKS_BACKGROUND: "false" },
  });
}

/** BENCH_PROFILE names a folder for CPU profiles of all children. */
function profiling(): string[] {
  const { BENCH_PROFILE: folder } = process.env;
  if (!folder) return [];
  // A profile is written by a process that ends by itself.
  const ending = 'data:text/javascript,process.on("disconnect",()=>process.exit())';
  return ["--cpu-prof", `--cpu-prof-dir=${folder}`, "--import", ending];
}

function ask<Order extends object, Report>(
  child: ChildProcess,
  order: Order,
  name: string,
): Promise<Report> {
  const answer = nextMessage<Report>(child, name);
  child.send(order);
  return answer;
}

function nextMessage<T>(child: ChildProcess, name: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => {
      child.off("message", onMessage);
      reject(new Error(`${name} ended with exit code ${code}`));
    };
    const onMessage = (message: T): void => {
      child.off("exit", onExit);
      resolve(message);
    };
    child.once("message", onMessage);
    child.once("exit", onExit);
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exited = once(child, "exit");
  if (process.env.BENCH_PROFILE) child.disconnect();
  else child.kill("SIGKILL");
  await exited;
}
