/** Part of `npm run build`: Lua and SQL go where the compiled adapters look for them. */
import { cpSync, globSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = new URL("../", import.meta.url);

for (const folder of globSync("src/**/{lua,migrations}", { cwd: fileURLToPath(root) })) {
  const target = folder.replace(/^src/, "dist");
  cpSync(new URL(folder, root), new URL(target, root), { recursive: true });
}
