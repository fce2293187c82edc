/** The Lua functions of lua/, each a file, and what they share. */
import { readFileSync } from "node:fs";
import { functionsOf, type LuaFunction, readSharedLua } from "../../redis/library.ts";

export interface QueueFunctions {
  readonly publish: LuaFunction;
  readonly exchange: LuaFunction;
  readonly depth: LuaFunction;
  readonly tell: LuaFunction;
}

export function loadQueueFunctions(): QueueFunctions {
  const shared = [readSharedLua("now"), readSharedLua("queue-state"), read("held"), read("call")];
  return functionsOf("queue", shared, {
    publish: source("publish"),
    exchange: source("exchange"),
    depth: source("depth"),
    tell: source("tell"),
  });
}

function source(name: string): { body: string; through: string } {
  return { body: read(name), through: "operation" };
}

function read(name: string): string {
  return readFileSync(new URL(`lua/${name}.lua`, import.meta.url), "utf8");
}
