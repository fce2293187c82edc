/** Before the tests: the console as `npm start` would build it, and an empty folder for screenshots. */
import { mkdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { buildConsole, isStale } from "../../scripts/build-console.ts";
import { SCREENSHOTS } from "./browser.ts";

export default async function build(): Promise<void> {
  rmSync(SCREENSHOTS, { recursive: true, force: true });
  mkdirSync(SCREENSHOTS, { recursive: true });
  const folder = fileURLToPath(new URL("../../dist/console", import.meta.url));
  if (isStale(folder)) await buildConsole(folder);
}
