/** The Lua scripts: files in lua/, each with the libraries that its first line names put before it,
 * and flagged as its second line says. */
import { readFileSync } from "node:fs";
import { AGEING_MS, MAX_LENGTH } from "../../redis/queue-limits.ts";
import { readSharedLua, type Script, scriptOf } from "../../redis/script.ts";

const NAMES = [
  "append",
  "cancel",
  "claim",
  "create",
  "destroy",
  "expired",
  "figures",
  "finish",
  "import",
  "instances",
  "list",
  "log",
  "purge",
  "ready",
  "redrive",
  "renew",
  "report",
  "sessions",
  "sweep",
  "tasks",
  "workers",
] as const;

export type ScriptName = (typeof NAMES)[number];

export type Scripts = Readonly<Record<ScriptName, Script>>;

export interface ScriptOptions {
  /** Whether scripts add a test's clock shift to the server's time. */
  readonly shiftedTime?: boolean;
  /** Whether scripts ring doorbells themselves: the queue is on the same Redis. */
  readonly ringsItself?: boolean;
  /** Whether scripts publish entries themselves: the bus is on the same Redis. */
  readonly tellsItself?: boolean;
}

export function loadScripts(options: ScriptOptions = {}): Scripts {
  const { shiftedTime, ringsItself, tellsItself } = options;
  const time = readSharedLua(shiftedTime ? "now-shifted" : "now");
  const script = (name: ScriptName): Script => {
    const body = readLua(name);
    const libraries = /^-- uses: (.*)/.exec(body)?.[1]?.split(" ") ?? [];
    // At maxmemory what was accepted has to end, and the sweep has to make room.
    const flags = /^-- flags: (.*)/m.exec(body)?.[1];
    const before = libraries.flatMap((library) => {
      if (ringsItself && library === "ring") return ringHere();
      return [readLua(tellsItself && library === "tell" ? "lib/tell-here" : `lib/${library}`)];
    });
    const rings = ringsItself && libraries.includes("ring");
    const parts = [time, ...before, ...(rings ? ringingAtTheEnd(body) : [body])];
    return scriptOf(flags ? [`#!lua flags=${flags}`, ...parts] : parts);
  };
  const loaded = Object.fromEntries(NAMES.map((name) => [name, script(name)]));
  return loaded as Record<ScriptName, Script>;
}

/** A function, because most calls of a script ring nothing, and names of the two rooms are alike. */
function ringHere(): string[] {
  return [
    "local function openLine(root)",
    `local ageing_ms, max_length = ${AGEING_MS}, ${MAX_LENGTH}`,
    readSharedLua("queue-state"),
    readSharedLua("doorbells"),
    "end",
    readLua("lib/ring-here"),
  ];
}

function ringingAtTheEnd(body: string): string[] {
  return ["local function run()", body, "end", readLua("lib/ring-end")];
}

function readLua(name: string): string {
  return readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), "utf8");
}
