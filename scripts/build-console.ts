/**
 * `npm run build:console`: the web console, into dist/console. In front of `npm start`, where this
 * file is there, and with `--if-stale`: only when it is missing or older than its sources.
 */
import { createHash } from "node:crypto";
import {
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const root = fileURLToPath(new URL("..", import.meta.url));
const SOURCES = [
  "src/console/**/*",
  "gen/agentlane/v1/*.js",
  "package-lock.json",
  "scripts/build-console.ts",
];
const CONSOLE_FOLDER = join(root, "dist/console");
const STAMP = "sources.sha256";

/** Of everything a browser loads, gzipped. */
export const MAX_BYTES = 150_000;

/** Of what the console is built from. */
function sourceHash(): string {
  const hash = createHash("sha256");
  const files = SOURCES.flatMap((pattern) => globSync(pattern, { cwd: root, withFileTypes: true }));
  const paths = files
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name));
  for (const path of paths.sort()) hash.update(path.slice(root.length)).update(readFileSync(path));
  return hash.digest("hex");
}

/** Gzipped size of what is in a folder with the built console. */
export function consoleBytes(folder: string): number {
  return globSync("{index.html,assets/*}", { cwd: folder })
    .map((name) => gzipSync(readFileSync(join(folder, name)), { level: 9 }).byteLength)
    .reduce((sum, bytes) => sum + bytes, 0);
}

/** Puts it into `folder`, which is replaced as a whole: others may build at the same time. */
export async function buildConsole(folder: string): Promise<void> {
  const { build } = await import("vite");
  const draft = `${folder}-${process.pid}`;
  const stamp = sourceHash();
  mkdirSync(dirname(folder), { recursive: true });
  try {
    await build({
      configFile: false,
      root: join(root, "src/console"),
      base: "/console/",
      logLevel: "warn",
      oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
      build: {
        outDir: draft,
        emptyOutDir: true,
        target: "es2023",
        assetsInlineLimit: 0,
        modulePreload: false,
        reportCompressedSize: false,
      },
    });
    writeFileSync(join(draft, STAMP), stamp);
    const old = `${draft}-old`;
    if (existsSync(folder)) renameSync(folder, old);
    renameSync(draft, folder);
    rmSync(old, { recursive: true, force: true });
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** Whether what is in `folder` was built from other sources, or nothing is there. */
export function isStale(folder: string): boolean {
  const stamp = join(folder, STAMP);
  return !existsSync(stamp) || readFileSync(stamp, "utf8") !== sourceHash();
}

/** What keeps it from being built is told, and does not keep the server from starting. */
export async function ensureConsole(): Promise<void> {
  if (!isStale(CONSOLE_FOLDER)) return;
  try {
    await report(CONSOLE_FOLDER);
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n", 1)[0] : String(error);
    const rest = existsSync(join(CONSOLE_FOLDER, "index.html"))
      ? "the server starts with the one that is there"
      : "the server starts without it";
    console.log(`console: not built, ${rest} (${reason})`);
  }
}

async function report(folder: string): Promise<void> {
  await buildConsole(folder);
  console.log(`console: ${Math.round(consoleBytes(folder) / 1000)} kB gzipped, in dist/console`);
}

if (import.meta.main) {
  if (process.argv.includes("--if-stale")) await ensureConsole();
  else await report(CONSOLE_FOLDER);
}
