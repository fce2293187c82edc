/** Before the tests: the console as `npm start` would build it, and a folder for screenshots. */
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { buildConsole, isStale } from "../../scripts/build-console.ts";
import { SCREENSHOTS } from "./browser.ts";

export default async function build(): Promise<void> {
  mkdirSync(SCREENSHOTS, { recursive: true });
  const folder = fileURLToPath(new URL("../../dist/console", import.meta.url));
  if (isStale(folder)) await buildConsole(folder);
}
