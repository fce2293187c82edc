/**
 * The targets as CommonJS, which is what the fuzzer instruments: our own code and Protobuf's runtime in
 * one file a target, so that coverage guides through both; everything else is required as it is.
 */
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const HERE = fileURLToPath(new URL(".", import.meta.url));

export const TARGETS: readonly string[] = readdirSync(`${HERE}targets`)
  .map((file) => file.replace(/\.ts$/, ""))
  .sort();

/** Where the bundle of a target lies after `bundleTargets`. */
export function bundleOf(target: string): string {
  return `${HERE}.build/${target}.cjs`;
}

export async function bundleTargets(targets: readonly string[]): Promise<void> {
  const input = Object.fromEntries(targets.map((name) => [name, `${HERE}targets/${name}.ts`]));
  for (const [name, file] of Object.entries(input)) {
    await build({
      configFile: false,
      logLevel: "warn",
      root: HERE,
      ssr: { noExternal: [/^@bufbuild\//] },
      build: {
        ssr: true,
        target: "node24",
        outDir: `${HERE}.build`,
        emptyOutDir: false,
        minify: false,
        rollupOptions: {
          input: { [name]: file },
          output: { format: "cjs", entryFileNames: "[name].cjs", codeSplitting: false },
        },
      },
    });
  }
}
