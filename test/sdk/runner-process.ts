/** A running runner: a line of JSON in, a line of JSON out. */
import { spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { fileURLToPath } from "node:url";
import type { JsonValue } from "@bufbuild/protobuf";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Longer than any case takes, the slowest start of a virtual machine included. */
const ANSWER_LIMIT_MS = 30_000;

export interface RunnerProcess {
  /** One at a time. Rejects when it says nothing in time, or ends. */
  ask(request: JsonValue): Promise<JsonValue>;
  stop(): Promise<void>;
}

export function startRunner(command: readonly string[], url: string): RunnerProcess {
  const [program = "", ...args] = command;
  const child = spawn(program, [...args, url], {
    cwd: ROOT,
    stdio: ["pipe", "pipe", "pipe"],
  });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors = (errors + text).slice(-4000);
  });
  child.stdin.on("error", () => undefined);
  const lines = new EventEmitter();
  let partial = "";
  // Not by readline, which takes more than "\n" for the end of a line.
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const [first = "", ...rest] = text.split("\n");
    const complete = [partial + first, ...rest];
    partial = complete.pop() ?? "";
    for (const line of complete) lines.emit("line", line);
  });
  const exited = new Promise<string>((resolve) => {
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code, signal) => resolve(`it ended with ${code ?? signal}`));
  });

  return {
    async ask(request) {
      const stop = new AbortController();
      const limit = AbortSignal.timeout(ANSWER_LIMIT_MS);
      const signal = AbortSignal.any([stop.signal, limit]);
      const answer = once(lines, "line", { signal }).then(([line]) => String(line));
      const ended = exited.then((how) => {
        throw new Error(`the runner gave no answer: ${how}\n${errors}`);
      });
      child.stdin.write(`${asciiJson(request)}\n`);
      try {
        return JSON.parse(await Promise.race([answer, ended]));
      } catch (error) {
        if (!limit.aborted) throw error;
        throw new Error(`the runner gave no answer in ${ANSWER_LIMIT_MS} ms\n${errors}`);
      } finally {
        stop.abort();
        answer.catch(() => undefined);
        ended.catch(() => undefined);
      }
    },
    async stop() {
      child.stdin.end();
      const timer = setTimeout(() => child.kill("SIGKILL"), 2000);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** So that no runner has to know which encoding its stdin has, and what ends a line in it. */
function asciiJson(value: JsonValue): string {
  return JSON.stringify(value).replaceAll(/[\u0080-\uffff]/g, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
