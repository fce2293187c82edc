/** The attacker and the innocent clients: each a process of its own, for all servers of a run. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { z } from "zod";
import type { Victim } from "./attack.ts";
import type { BrokerUrls } from "./catalog.ts";

export interface Figures {
  /** Of each call, in no order. */
  readonly latenciesMs: readonly number[];
  readonly failureCount: number;
}

export interface Outcome {
  /** What the attack has done; absent where it was let do what it must not. */
  readonly done?: string | undefined;
  readonly problem?: string | undefined;
}

export interface Order {
  readonly victim: Victim;
  readonly ms: number;
  readonly isHonest: boolean;
}

export interface Crew {
  /** Honest calls to the server at `url`, until it has the size that it has at work. */
  warmUp(url: string): Promise<void>;
  /** Honest calls to the server that was warmed up last, until they are stopped: what they noticed. */
  startCalls(): Promise<{ stop(): Promise<Figures> }>;
  /** Lets the attacker make what it needs. */
  prepare(group: string, name: string): Promise<void>;
  /** `isHonest`: does what the attack's well-behaved clients would do. */
  attack(group: string, name: string, order: Order): Promise<Outcome>;
  stop(): Promise<void>;
}

const figures = z.object({ latenciesMs: z.array(z.number()), failureCount: z.number() });
const outcome = z.object({ done: z.string().optional(), problem: z.string().optional() });

export async function startCrew(urls: BrokerUrls): Promise<Crew> {
  const [innocent, attacker] = await Promise.all([started("innocent.ts"), started("attacker.ts")]);
  return {
    warmUp: async (url) => void (await asked(innocent, { warmUp: url })),
    async startCalls() {
      await asked(innocent, { start: true });
      return { stop: async () => figures.parse(await asked(innocent, { stop: true })) };
    },
    prepare: async (group, name) => void (await asked(attacker, { urls, group, name })),
    attack: async (group, name, attack) =>
      outcome.parse(await asked(attacker, { urls, group, name, attack })),
    stop: async () => void (await Promise.all([end(innocent), end(attacker)])),
  };
}

/** Resolves when it is ready. */
async function started(file: string): Promise<ChildProcess> {
  const child = fork(new URL(file, import.meta.url), [], { execArgv: [] });
  await answerOf(child);
  return child;
}

async function asked(child: ChildProcess, question: object): Promise<unknown> {
  const answer = answerOf(child);
  child.send(question);
  return answer;
}

async function answerOf(child: ChildProcess): Promise<unknown> {
  const settled = new AbortController();
  const { signal } = settled;
  const ended = once(child, "exit", { signal }).then(([code]) => {
    throw new Error(`${child.spawnargs.at(-1)} ended with ${code}`);
  });
  try {
    return (await Promise.race([once(child, "message", { signal }), ended]))[0];
  } finally {
    settled.abort();
    ended.catch(() => undefined);
  }
}

async function end(child: ChildProcess): Promise<void> {
  const closed = once(child, "close");
  child.kill("SIGKILL");
  await closed;
}
