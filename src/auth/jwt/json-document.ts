/** A JSON document of somebody else's: by URL or from a file, bounded in size and time. */
import { readFile, stat } from "node:fs/promises";
import { AgentlaneError } from "../../errors.ts";

const MAX_BYTES = 256 * 1024;
const TIMEOUT_MS = 5_000;

/** Throws `unavailable` with the reason. */
export async function readDocument(place: string): Promise<unknown> {
  try {
    const text = /^https?:/i.test(place) ? await fetchText(place) : await readText(place);
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const message = `${place} cannot be read: ${reason}`;
    throw new AgentlaneError("unavailable", "KEYS_UNAVAILABLE", message, { cause: error });
  }
}

async function fetchText(url: string): Promise<string> {
  const response = await fetch(url, {
    redirect: "error",
    headers: { accept: "application/json" },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`it was answered with ${response.status}`);
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BYTES) throw new Error(`it has more than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

async function readText(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size > MAX_BYTES) throw new Error(`it has more than ${MAX_BYTES} bytes`);
  return readFile(path, "utf8");
}
