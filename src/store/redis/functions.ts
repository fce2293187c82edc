/** The store's Lua functions: files in lua/, and in lua/lib/ what they share. */
import { readFileSync } from "node:fs";
import { functionsOf, type LuaFunction, readSharedLua } from "../../redis/library.ts";
import { AGEING_MS, MAX_LENGTH } from "../../redis/queue-limits.ts";
import { HELD_AGEING_MS } from "../held-order.ts";
import { CLOSED_FOR_MS } from "../tenant-contract.ts";

const NAMES = [
  "append",
  "cancel",
  "claim",
  "clear",
  "close",
  "create",
  "destroy",
  "expired",
  "figures",
  "finish",
  "import",
  "instances",
  "keyadd",
  "keyforget",
  "keylist",
  "keyrevoke",
  "keyused",
  "list",
  "log",
  "purge",
  "ready",
  "redrive",
  "renew",
  "report",
  "schedule",
  "sessions",
  "started",
  "sweep",
  "taskofkey",
  "tasks",
  "usage",
  "workers",
] as const;

/** Those that come in numbers: a call takes several (lua/lib/call.lua). */
const BATCHED = ["claim", "create", "finish"] as const;

export type BatchedName = (typeof BATCHED)[number];

export function isBatched(name: FunctionName): name is BatchedName {
  return BATCHED.some((batched) => batched === name);
}

export type FunctionName = (typeof NAMES)[number];

export type Functions = Readonly<Record<FunctionName, LuaFunction>>;

export interface FunctionOptions {
  /** Whether functions add a test's clock shift to the server's time. */
  readonly shiftedTime?: boolean;
  /** Whether functions ring doorbells themselves: the queue is on the same Redis. */
  readonly ringsItself?: boolean;
  /** Whether functions publish entries themselves: the bus is on the same Redis. */
  readonly tellsItself?: boolean;
}

export function loadFunctions(options: FunctionOptions = {}): Functions {
  const { shiftedTime, ringsItself, tellsItself } = options;
  const shared = [
    readSharedLua(shiftedTime ? "now-shifted" : "now"),
    readLua("lib/core"),
    readLua("lib/records"),
    readLua(tellsItself ? "lib/tell-here" : "lib/tell"),
    ...(ringsItself ? ringHere() : [readLua("lib/ring")]),
    `local held_ageing_ms, closed_for_ms = ${HELD_AGEING_MS}, ${CLOSED_FOR_MS}`,
    ...["doorbells", "tenants", "transitions"].map(readLib),
    ...(ringsItself && tellsItself ? [readLib("hand-over")] : []),
    ...["cancel", "forget", "context", "closed", "registry", "call"].map(readLib),
  ];
  const sources = NAMES.map((name) => {
    const through = isBatched(name) ? "operations" : "operation";
    return [name, { body: readLua(name), through }];
  });
  return functionsOf<FunctionName>("store", shared, Object.fromEntries(sources));
}

/** In a block, because names of the two rooms are alike. */
function ringHere(): string[] {
  return [
    "local openLine",
    "do",
    `local ageing_interval_ms, max_length = ${AGEING_MS}, ${MAX_LENGTH}`,
    readSharedLua("queue-state"),
    readSharedLua("doorbells"),
    "end",
    readLua("lib/ring-here"),
  ];
}

function readLib(name: string): string {
  return readLua(`lib/${name}`);
}

function readLua(name: string): string {
  return readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), "utf8");
}
