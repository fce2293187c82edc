/** What a target may do with any bytes: take them, or refuse them in words. */
import { ConnectError } from "@connectrpc/connect";
import { AgentlaneError } from "../../src/errors.ts";

/** A target: throws, or rejects, only when something is wrong with the program. */
export type Fuzz = (data: Buffer) => void | Promise<void>;

/** A refusal that a client is told; anything else is the program's failure. */
export function isRefusal(error: unknown): boolean {
  if (error instanceof AgentlaneError) return error.kind !== "internal";
  return error instanceof ConnectError;
}

/** The result, or undefined where the input was refused; throws for everything else. */
export function unlessRefused<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }
}

export function assertSame(actual: unknown, expected: unknown, what: string): void {
  const [found, wanted] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (found !== wanted) throw new Error(`${what}: ${found} is not ${wanted}`);
}

export function assert(holds: boolean, what: string): void {
  if (!holds) throw new Error(what);
}

/** JSON of the bytes; undefined where they are none. */
export function jsonOf(data: Buffer): unknown {
  try {
    return JSON.parse(data.toString("utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
