/** The Lua scripts: files in lua/, each with the libraries that its first line names put before it. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

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

export interface Script {
  readonly sha: string;
  readonly text: string;
}

export type Scripts = Readonly<Record<ScriptName, Script>>;

/** `shiftedTime` lets scripts add a test's clock shift to the server's time. */
export function loadScripts({ shiftedTime = false } = {}): Scripts {
  const time = readLua(shiftedTime ? "lib/now-shifted" : "lib/now");
  const script = (name: ScriptName): Script => {
    const body = readLua(name);
    const libraries = /^-- uses: (.*)/.exec(body)?.[1]?.split(" ") ?? [];
    const parts = [time, ...libraries.map((library) => readLua(`lib/${library}`)), body];
    const text = parts.map(withoutComments).join("\n");
    return { text, sha: createHash("sha1").update(text).digest("hex") };
  };
  const loaded = Object.fromEntries(NAMES.map((name) => [name, script(name)]));
  return loaded as Record<ScriptName, Script>;
}

function readLua(name: string): string {
  return readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), "utf8");
}

/** Whole lines only: what is sent after a restart of Redis need not explain itself. */
function withoutComments(lua: string): string {
  return lua.replace(/^\s*--.*\n/gm, "");
}
