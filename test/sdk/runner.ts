/** A language's runner, and the list of all: the modules in `runners/`. */
import { readdirSync } from "node:fs";

export interface Runner {
  /** Of the SDK: a folder in `sdk/`, the name for `--only`. */
  readonly language: string;
  /** Title of its column, unique; e.g. "python (async)". */
  readonly name: string;
  /** What is missing on this machine, for people; undefined = it can run. */
  missing(): string | undefined;
  /** Builds it, once before the first case. */
  prepare?(): Promise<void>;
  /** Program and arguments, run in the repository's root; the URL is added to them. */
  readonly command: readonly string[];
}

export async function loadRunners(only: readonly string[] = []): Promise<Runner[]> {
  const folder = new URL("runners/", import.meta.url);
  const names = readdirSync(folder).map((file) => file.replace(/\.ts$/, ""));
  const unknown = only.filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Error(`no SDK ${unknown.join()}; there are ${names.join()}`);
  const wanted = names.filter((name) => only.length === 0 || only.includes(name)).sort();
  const lists = await Promise.all(
    wanted.map(async (name) => {
      const { runners }: { runners: readonly Runner[] } = await import(`./runners/${name}.ts`);
      return runners;
    }),
  );
  return lists.flat();
}
