/**
 * Loads modules of a user's project, TypeScript sources included, as LangGraph.js projects write them:
 * `./tools.js` imported for a file tools.ts, `./tools` without an ending, types imported without
 * `import type` (Node's own type stripping refuses those: they name exports that do not exist),
 * enums and parameter properties.
 */
import { existsSync, readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { extname, resolve, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { transform } from "sucrase";
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
const GUESSED_ENDINGS = [".ts", ".tsx", ".mts", ".js", ".mjs", "/index.ts", "/index.js"];
const TYPESCRIPT = /\.(ts|mts|tsx)$/;

export function createProjectModules(): ProjectModules {
  const directories = new Set<string>();
  /** Loaded with the first module of a project: few servers have one, and hooks cannot wait. */
  let translate: typeof transform | undefined;
  let hooks: ReturnType<typeof registerHooks> | undefined;

  const isSource = (file: string): boolean =>
    !file.includes(`${sep}node_modules${sep}`) && isUnder(file, directories);
  const register = (directory: string): void => {
    directories.add(directory);
    hooks ??= registerHooks({
      load(url, context, nextLoad) {
        const file = url.startsWith("file:") ? fileURLToPath(url) : "";
        if (!translate || !TYPESCRIPT.test(file) || !isSource(file)) return nextLoad(url, context);
        return { format: "module", source: transpile(file, translate), shortCircuit: true };
      },
      resolve(specifier, context, nextResolve) {
        const parent = context.parentURL;
        if (!parent?.startsWith("file:") || !/^\.{1,2}\//.test(specifier)) {
          return nextResolve(specifier, context);
        }
        if (!isSource(fileURLToPath(parent))) return nextResolve(specifier, context);
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
      translate ??= (await import("sucrase")).transform;
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
    if (property(error, "code") === "ERR_UNKNOWN_FILE_EXTENSION") {
      throw new Error(`${file}: only .ts, .mts, .tsx, .js and .mjs files can be loaded`, {
        cause: error,
      });
    }
    throw new Error(`${file} failed to load: ${messageOf(error)}`, { cause: error });
  }
}

/** Line numbers stay as they are, so that stack traces are right. */
function transpile(file: string, translate: typeof transform): string {
  const source = readFileSync(file, "utf8");
  try {
    const { code } = translate(source, {
      transforms: file.endsWith("x") ? ["typescript", "jsx"] : ["typescript"],
      jsxRuntime: "automatic",
      production: true,
      disableESTransforms: true,
      filePath: file,
    });
    return code;
  } catch (error) {
    throw new Error(
      `its TypeScript cannot be translated (namespaces, for one, cannot); compile the project and name the compiled file, or rewrite it. ${messageOf(error)}`,
      { cause: error },
    );
  }
}
