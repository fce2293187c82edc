/** The built web console, held in memory: what is served is what was there at the start. */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";

export interface ConsoleFile {
  readonly contentType: string;
  readonly body: Buffer;
  readonly gzipped: Buffer;
  /** As in the header; weak, because it is the same for both encodings. */
  readonly etag: string;
}

export interface ConsoleFiles {
  readonly index: ConsoleFile;
  /** By file name; each name has a hash of its content. */
  readonly assets: ReadonlyMap<string, ConsoleFile>;
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

const compress = promisify(gzip);

/** Undefined when it has not been built. `folder`: with index.html and assets/. */
export async function loadConsole(folder: string): Promise<ConsoleFiles | undefined> {
  const names = await namesIn(join(folder, "assets"));
  if (names === undefined) return undefined;
  const assets = names.map(
    async (name) => [name, await loadFile(join(folder, "assets", name))] as const,
  );
  return {
    index: await loadFile(join(folder, "index.html")),
    assets: new Map(await Promise.all(assets)),
  };
}

async function namesIn(folder: string): Promise<string[] | undefined> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

async function loadFile(path: string): Promise<ConsoleFile> {
  const body = await readFile(path);
  return {
    contentType: CONTENT_TYPES[extname(path)] ?? "application/octet-stream",
    body,
    gzipped: await compress(body, { level: 9 }),
    etag: `W/"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`,
  };
}
