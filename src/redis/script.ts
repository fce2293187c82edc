/** Lua scripts: files, put together from parts. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

export interface Script {
  readonly sha: string;
  readonly text: string;
}

export function scriptOf(parts: readonly string[]): Script {
  const text = parts.map(withoutComments).join("\n");
  return { text, sha: createHash("sha1").update(text).digest("hex") };
}

/** A file of lua/ beside this one, which scripts of several adapters share. */
export function readSharedLua(name: string): string {
  return readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), "utf8");
}

/** Whole lines only: what is sent after a restart of Redis need not explain itself. */
function withoutComments(lua: string): string {
  return lua.replace(/^\s*--.*\n/gm, "");
}
