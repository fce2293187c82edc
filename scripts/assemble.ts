/**
 * Part of `npm run build`, after the compiler: dist/ is what src/ is. The command line is a client
 * like others and uses the TypeScript SDK's source, which is compiled along and goes into dist/sdk/;
 * Lua and SQL go where the compiled adapters look for them.
 */
import { cpSync, globSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = new URL("../", import.meta.url);
const compiled = new URL("dist/.compiled/", root);
const dist = new URL("dist/", root);

for (const name of globSync("*", { cwd: fileURLToPath(new URL("src/", compiled)) })) {
  rmSync(new URL(name, dist), { recursive: true, force: true });
  renameSync(new URL(`src/${name}`, compiled), new URL(name, dist));
}
rmSync(new URL("sdk/", dist), { recursive: true, force: true });
renameSync(new URL("sdk/", compiled), new URL("sdk/", dist));
rmSync(compiled, { recursive: true });
cpSync(new URL("sdk/typescript/gen/", root), new URL("sdk/typescript/gen/", dist), {
  recursive: true,
});

/** src/ and sdk/ are neighbors in a clone; in dist/ the SDK is one folder nearer. */
for (const file of globSync("cli/**/*.{js,d.ts}", { cwd: fileURLToPath(dist) })) {
  const path = new URL(file, dist);
  const text = readFileSync(path, "utf8");
  writeFileSync(path, text.replace(/(["'])\.\.\/((?:\.\.\/)+sdk\/typescript\/)/g, "$1$2"));
}

for (const folder of globSync("src/**/{lua,migrations}", { cwd: fileURLToPath(root) })) {
  cpSync(new URL(folder, root), new URL(folder.replace(/^src/, "dist"), root), { recursive: true });
}
