/** Files that are read again when they change. */
import { stat } from "node:fs/promises";

/** Changes with the file, also when another one is put in its place. */
export async function fileVersion(path: string): Promise<string> {
  try {
    const { mtimeMs, size, ino } = await stat(path);
    return `${mtimeMs} ${size} ${ino}`;
  } catch {
    return "none";
  }
}
