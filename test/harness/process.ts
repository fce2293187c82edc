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
  input?: string,
): Promise<CommandResult> {
  const child = start(args, environment, input === undefined ? "ignore" : "pipe");
  child.stdin?.end(input);
  const [output, errors] = [collect(child.stdout), collect(child.stderr)];
  const [code] = await once(child, "close");
  return { code, output: output(), errors: errors() };
}

export interface ServingProcess {
  readonly pid: number;
  readonly address: string;
  /** All that it has printed. */
  output(): string;
  /** All that it has printed on standard error. */
  errors(): string;
  /** Resolves when the text has been printed. */
  prints(text: string): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  /** Its exit code; null when a signal ended it. */
  readonly exited: Promise<number | null>;
}

/** The command line while it runs. Kill it when done. */
export interface RunningCommand {
  /** All that it has printed on standard output. */
  output(): string;
  /** Resolves when the text has been printed; rejects when it ends without. */
  prints(text: string | RegExp): Promise<void>;
  write(text: string): void;
  kill(signal: NodeJS.Signals): void;
  readonly exited: Promise<number | null>;
}

/** In a process of its own; `inTerminal`: behind a pseudo terminal, its input typed by `write`. */
export function launch(
  args: string[],
  environment: Record<string, string> = {},
  inTerminal = false,
): RunningCommand {
  const command = [process.execPath, MAIN, ...args].map((word) => `'${word}'`).join(" ");
  const child = inTerminal
    ? spawn("script", ["-qefc", command, "/dev/null"], {
        env: { PATH: process.env.PATH, HOME: process.env.HOME, TERM: "xterm", ...environment },
        stdio: ["pipe", "pipe", "pipe"],
      })
    : start(args, environment, "pipe");
  const output = collect(child.stdout);
  const errors = collect(child.stderr);
  const exited = once(child, "close").then(([code]) => code as number | null);
  return {
    output,
    prints: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const isThere = typeof text === "string" ? output().includes(text) : text.test(output());
          if (isThere) resolve();
        };
        child.stdout?.on("data", look);
        look();
        exited.then(() => reject(new Error(`never "${text}": ${output()}${errors()}`)), reject);
      }),
    write: (text) => void child.stdin?.write(text),
    kill: (signal) => void child.kill(signal),
    exited,
  };
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
    errors,
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

function start(
  args: string[],
  environment: Record<string, string>,
  input: "ignore" | "pipe" = "ignore",
): ChildProcess {
  return spawn(process.execPath, [MAIN, ...args], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...environment },
    stdio: [input, "pipe", "pipe"],
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
