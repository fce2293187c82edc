import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;

export interface CommandResult {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs the command line to its end. */
export async function run(
  args: string[],
  environment: Record<string, string> = {},
): Promise<CommandResult> {
  const child = start(args, environment);
  const [output, errors] = [collect(child.stdout), collect(child.stderr)];
  const [code] = await once(child, "close");
  return { code, output: output(), errors: errors() };
}

export interface ServingProcess {
  readonly pid: number;
  readonly address: string;
  /** All that it has printed. */
  output(): string;
  /** Resolves when the text has been printed. */
  prints(text: string): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  /** Its exit code; null when a signal ended it. */
  readonly exited: Promise<number | null>;
}

/** `agentlane serve` in a process of its own, on a free port. Kill it when done. */
export async function serve(
  args: string[] = [],
  environment: Record<string, string> = {},
): Promise<ServingProcess> {
  const child = start(["serve", ...args], { PORT: "0", METRICS_PORT: "0", ...environment });
  const output = collect(child.stdout);
  const errors = collect(child.stderr);
  const exited = once(child, "close").then(([code]) => code as number | null);
  const address = await new Promise<string>((resolve, reject) => {
    child.stdout?.on("data", () => {
      const found = / on (\S+:\d+)\n/.exec(output());
      if (found?.[1]) resolve(found[1]);
    });
    exited.then((code) => reject(new Error(`exited with ${code}: ${errors()}`)), reject);
  });
  return {
    pid: child.pid ?? 0,
    address,
    output,
    prints: (text) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (output().includes(text)) resolve();
        };
        child.stdout?.on("data", look);
        look();
      }),
    kill: (signal) => void child.kill(signal),
    exited,
  };
}

function start(args: string[], environment: Record<string, string>): ChildProcess {
  return spawn(process.execPath, [MAIN, ...args], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  let text = "";
  stream?.setEncoding("utf8");
  stream?.on("data", (chunk: string) => {
    text += chunk;
  });
  return () => text;
}
