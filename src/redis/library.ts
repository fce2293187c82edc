/**
 * Lua as Redis functions: a library is put together from files and loaded once, so that what its
 * functions share is made once and not, as in a script, anew at every call.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

export interface Library {
  readonly name: string;
  readonly text: string;
}

export interface LuaFunction {
  /** As FCALL takes it. */
  readonly name: string;
  readonly library: Library;
}

export interface FunctionSource {
  /** The body of a function of KEYS and ARGV; a line "-- flags: …" names its flags. */
  readonly body: string;
  /** The shared function that its call goes through, itself a function of a body. */
  readonly through: string;
}

/**
 * The functions of a library. Names hold a digest of the whole: releases that run side by side do
 * not meet in one Redis.
 */
export function functionsOf<Name extends string>(
  label: string,
  shared: readonly string[],
  sources: Readonly<Record<Name, FunctionSource>>,
): Readonly<Record<Name, LuaFunction>> {
  const parts = shared.map(withoutComments);
  const digest = createHash("sha1")
    .update(JSON.stringify([parts, sources]))
    .digest("hex");
  const prefix = `agentlane_${label}_${digest.slice(0, 12)}`;
  const names = Object.keys(sources) as Name[];
  const definitions = names.map((name) => definition(`${prefix}_${name}`, sources[name]));
  const text = [`#!lua name=${prefix}`, ...parts, ...definitions].join("\n");
  const library = { name: prefix, text };
  const named = names.map((name) => [name, { name: `${prefix}_${name}`, library }]);
  return Object.fromEntries(named) as Record<Name, LuaFunction>;
}

/** A file of lua/ beside this one, which libraries of several adapters share. */
export function readSharedLua(name: string): string {
  return readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), "utf8");
}

function definition(name: string, { body, through }: FunctionSource): string {
  const flags = /^-- flags: (.*)$/m.exec(body)?.[1]?.split(" ") ?? [];
  const listed = flags.map((flag) => `'${flag}'`).join(", ");
  const callback = `${through}(function(KEYS, ARGV)\n${withoutComments(body)}\nend)`;
  return `redis.register_function{ function_name = '${name}', flags = { ${listed} }, callback = ${callback} }`;
}

/** Whole lines only: what is sent to Redis need not explain itself. */
function withoutComments(lua: string): string {
  return lua.replace(/^\s*--.*\n/gm, "");
}
