/** The completion scripts, loaded by the shells themselves. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { OPERATOR_COMMANDS } from "../../src/cli/operator-commands.ts";
import { PROCESS_COMMANDS } from "../../src/main-commands.ts";
import { run } from "../harness/process.ts";

const table = [...PROCESS_COMMANDS, ...OPERATOR_COMMANDS];
const has = (shell: string) => !spawnSync(shell, ["--version"]).error;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "agentlane-completion-"));
  for (const shell of ["bash", "zsh", "fish"]) {
    const { code, output } = await run(["completion", shell]);
    expect(code).toBe(0);
    writeFileSync(join(folder, shell), output);
  }
  writeFileSync(join(folder, "here.pem"), "");
});

afterAll(() => rmSync(folder, { recursive: true }));

/** What a shell offers for the last word of a line. */
type Complete = (line: string) => string[];

const shells: Record<string, Complete> = {
  bash: (line) => {
    const words = line.split(" ");
    const quoted = words.map((word) => `'${word}'`).join(" ");
    const script = `source '${folder}/bash'; COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}
      _agentlane; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return listed("bash", ["--norc", "-c", script]);
  },
  fish: (line) => {
    const script = `source '${folder}/fish'; complete -C '${line}'`;
    return listed("fish", ["--no-config", "-c", script]);
  },
  zsh: (line) => listed("zsh", ["-f", "-c", zshCapture(line)]),
};

function listed(shell: string, args: string[]): string[] {
  const output = execFileSync(shell, args, { cwd: folder, encoding: "utf8", timeout: 60_000 });
  return output
    .split("\n")
    .map((text) => text.split("\t")[0]?.trim() ?? "")
    .filter(Boolean);
}

/** Completion by compsys in a zsh behind zsh's own pseudo terminal; it tells each match. */
function zshCapture(line: string): string {
  return `zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "cd '${folder}'; PS1=; autoload -Uz compinit; compinit -u -D; source '${folder}/zsh'"
zpty -w z 'compadd() {
  if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then builtin compadd "$@"; return; fi
  local -a hits; builtin compadd -A hits "$@"; local hit
  for hit in $hits; do print -r -- "MATCH:$hit:"; done
  builtin compadd "$@"
}'
zpty -w z 'finish() { print DONE; exit }; zle -N finish; bindkey "^X" finish; print READY; bindkey "^I" complete-word'
zpty -r z output '*READY*READY*'
zpty -w -n z $'${line}\\t\\x18'
zpty -r z output '*DONE*'
print -r -- "$output" | tr -d '\\r' | sed -n 's/^.*MATCH:\\(.*\\):.*$/\\1/p'`;
}

describe.each(Object.keys(shells))("%s", (shell) => {
  const isMissing = !has(shell);
  if (isMissing) console.warn(`skipped: ${shell} is missing`);
  const complete: Complete = (line) => shells[shell]?.(line) ?? [];

  it("is there in CI", () => {
    if (process.env.CI === "true") expect(isMissing).toBe(false);
  });

  it.skipIf(isMissing)("offers every command and every member of a group", () => {
    const first = new Set([...table.map(({ name }) => name.split(" ")[0]), "help"]);
    expect(new Set(complete("agentlane "))).toEqual(first);
    expect(complete("agentlane dead-letters ").sort()).toEqual(["list", "purge", "show"]);
    expect(complete("agentlane red")).toEqual(["redrive"]);
  });

  it.skipIf(isMissing)(
    "offers the options of each command, and of a group's list",
    () => {
      // A zsh behind a pseudo terminal takes seconds.
      const asked = shell === "zsh" ? table.filter((_, index) => index % 6 === 0) : table;
      for (const { name, options } of asked) {
        const offered = complete(`agentlane ${name} --`);
        const wanted = [...Object.keys(options), "help"].map((option) => `--${option}`);
        expect(new Set(offered), name).toEqual(new Set(wanted));
      }
      expect(complete("agentlane tasks --me")).toEqual(["--metadata"]);
    },
    120_000,
  );

  it.skipIf(isMissing)("offers the values there are, and files", () => {
    expect(complete("agentlane tasks list --state ca")).toEqual(["canceled"]);
    expect(complete("agentlane completion f")).toEqual(["fish"]);
    expect(complete("agentlane status --ca he")).toEqual(["here.pem"]);
    expect(complete("agentlane sessions import he")).toEqual(["here.pem"]);
    expect(complete("agentlane status --url ")).toEqual([]);
  });
});
