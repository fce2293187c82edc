/**
 * Loads modules of a user's project: TypeScript sources included, and with the imports that such
 * projects write (`./tools.js` for a file tools.ts, `./tools` without an ending).
 */
import { existsSync } from "node:fs";
import { registerHooks } from "node:module";
import { extname, resolve, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { messageOf } from "./errors.ts";
import { property } from "./json.ts";

export interface ProjectModules {
  /** The export of "./file.ts:name", relative to the directory. Throws an Error a user can act on. */
  load(baseDir: string, reference: string): Promise<unknown>;
  /** Takes the resolve hook away. Modules that are loaded stay loaded. */
  close(): void;
}

/** What a specifier's ending may stand for in sources. */
const SOURCE_ENDINGS: Partial<Record<string, readonly string[]>> = {
  ".js": [".ts", ".tsx"],
  ".mjs": [".mts"],
  ".cjs": [".cts"],
  ".jsx": [".tsx"],
};
const GUESSED_ENDINGS = [".ts", ".mts", ".js", ".mjs", "/index.ts", "/index.js"];

export function createProjectModules(): ProjectModules {
  const directories = new Set<string>();
  let hooks: ReturnType<typeof registerHooks> | undefined;

  const register = (directory: string): void => {
    directories.add(directory);
    hooks ??= registerHooks({
      resolve(specifier, context, nextResolve) {
        const parent = context.parentURL;
        if (!parent?.startsWith("file:") || !/^\.{1,2}\//.test(specifier)) {
          return nextResolve(specifier, context);
        }
        const from = fileURLToPath(parent);
        if (from.includes(`${sep}node_modules${sep}`) || !isUnder(from, directories)) {
          return nextResolve(specifier, context);
        }
        return nextResolve(sourceOf(specifier, parent), context);
      },
    });
  };

  return {
    async load(baseDir, reference) {
      const { path, name } = splitReference(reference);
      const directory = resolve(baseDir);
      const file = resolve(directory, path);
      if (!existsSync(file)) throw new Error(`there is no file ${file}`);
      register(directory);
      const loaded = await importFile(file);
      const value = property(loaded, name) ?? property(property(loaded, "default"), name);
      if (value !== undefined) return value;
      const names = Object.keys(Object(loaded)).join(", ");
      throw new Error(`${file} has no export "${name}"; it exports ${names || "nothing"}`);
    },
    close() {
      hooks?.deregister();
      hooks = undefined;
      directories.clear();
    },
  };
}

function splitReference(reference: string): { path: string; name: string } {
  const colon = reference.lastIndexOf(":");
  return { path: reference.slice(0, colon), name: reference.slice(colon + 1) };
}

function isUnder(file: string, directories: ReadonlySet<string>): boolean {
  for (const directory of directories) if (file.startsWith(directory + sep)) return true;
  return false;
}

/** The specifier of the file that is there; the given one when nothing else is. */
function sourceOf(specifier: string, parent: string): string {
  const url = new URL(specifier, parent);
  const path = fileURLToPath(url);
  const ending = extname(path);
  if (ending !== "" && existsSync(path)) return specifier;
  const stem = path.slice(0, path.length - ending.length);
  const candidates = [
    ...(SOURCE_ENDINGS[ending] ?? []).map((source) => stem + source),
    ...GUESSED_ENDINGS.map((guess) => path + guess),
  ];
  const found = candidates.find((candidate) => existsSync(candidate));
  return found ? pathToFileURL(found).href : specifier;
}

async function importFile(file: string): Promise<unknown> {
  try {
    return await import(pathToFileURL(file).href);
  } catch (error) {
    const code = property(error, "code");
    if (code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX" || code === "ERR_INVALID_TYPESCRIPT_SYNTAX") {
      throw new Error(
        `${file} (or a file it imports) has TypeScript that Node cannot strip, such as an enum, a namespace or a parameter property: compile the project and name the compiled file, or rewrite it. ${messageOf(error)}`,
        { cause: error },
      );
    }
    if (code === "ERR_UNKNOWN_FILE_EXTENSION") {
      throw new Error(`${file}: Node loads .ts, .mts, .js and .mjs; compile other files first`, {
        cause: error,
      });
    }
    throw new Error(`${file} failed to load: ${messageOf(error)}`, { cause: error });
  }
}
