/** The Lua scripts of lua/, each with what they share in front. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

export interface Script {
  readonly text: string;
  readonly sha: string;
}

/** Settling frees memory, so it must work at maxmemory; what adds a message must not. */
const ALLOW_OOM = "#!lua flags=allow-oom\n";

export interface QueueScripts {
  readonly publish: Script;
  readonly exchange: Script;
  readonly depth: Script;
}

export function loadQueueScripts(): QueueScripts {
  const shared = read("queue-state");
  return {
    publish: script(`#!lua\n${shared}\n${read("publish")}`),
    exchange: script(`${ALLOW_OOM}${shared}\n${read("exchange")}`),
    depth: script(`#!lua flags=no-writes\n${read("depth")}`),
  };
}

function read(name: string): string {
  return readFileSync(new URL(`lua/${name}.lua`, import.meta.url), "utf8");
}

function script(text: string): Script {
  return { text, sha: createHash("sha1").update(text).digest("hex") };
}
