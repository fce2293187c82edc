/** The Lua scripts of lua/, each with what they share in front. */
import { readFileSync } from "node:fs";
import { readSharedLua, type Script, scriptOf } from "../../redis/script.ts";

/** Settling frees memory, so it must work at maxmemory; what adds a message must not. */
const ALLOW_OOM = "#!lua flags=allow-oom";

export interface QueueScripts {
  readonly publish: Script;
  readonly exchange: Script;
  readonly depth: Script;
}

export function loadQueueScripts(): QueueScripts {
  const shared = [
    readSharedLua("now"),
    "local root, ageing_ms = KEYS[1], 0",
    readSharedLua("queue-state"),
  ];
  return {
    publish: scriptOf(["#!lua", ...shared, read("publish")]),
    exchange: scriptOf([ALLOW_OOM, ...shared, read("exchange")]),
    depth: scriptOf(["#!lua flags=no-writes", read("depth")]),
  };
}

function read(name: string): string {
  return readFileSync(new URL(`lua/${name}.lua`, import.meta.url), "utf8");
}
