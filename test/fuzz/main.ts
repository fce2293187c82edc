/** `npm run test:fuzz -- --target T --runs N`: coverage-guided fuzzing of what reads foreign bytes. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { bundleOf, bundleTargets, TARGETS } from "./bundle.ts";
import { forOlderGlibc } from "./older-glibc.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
/** No target of the fuzzer: pairs of names, whose keys must differ where they do (test/keys). */
const KEY_PAIRS = "key-pairs";
const USAGE = `usage: npm run test:fuzz -- [--target T]… [--runs N] [--keep]
  --target  one of ${TARGETS.join(", ")}, ${KEY_PAIRS}; default: all
  --runs    executions of each target; default 100000
  --seconds a limit on each target; default 1800
  --seed    default 1
  --keep    add what reached new code to test/fuzz/corpus`;

const { values } = parseArgs({
  options: {
    target: { type: "string", multiple: true, default: [...TARGETS, KEY_PAIRS] },
    runs: { type: "string", default: "100000" },
    seconds: { type: "string", default: "1800" },
    seed: { type: "string", default: "1" },
    keep: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
const targets = values.target.filter((name) => name !== KEY_PAIRS);
const unknown = targets.find((name) => !TARGETS.includes(name));
if (values.help || unknown !== undefined) {
  console.log(unknown === undefined ? USAGE : `there is no target ${unknown}\n${USAGE}`);
  process.exit(unknown === undefined ? 0 : 2);
}

const require = createRequire(import.meta.url);
const addon = join(
  dirname(require.resolve("@jazzer.js/fuzzer/package.json")),
  `prebuilds/fuzzer-${process.platform}-${process.arch}.node`,
);
const cli = join(dirname(require.resolve("@jazzer.js/core/package.json")), "dist/cli.js");
const scratch = mkdtempSync(join(tmpdir(), "agentlane-fuzz-"));
const environment = { ...process.env, ...addonEnvironment() };

interface Outcome {
  readonly target: string;
  readonly runs: number;
  readonly seconds: number;
  readonly ok: boolean;
  /** Null = ended by a signal. 0 with `ok` false: the time limit came first. */
  readonly code: number | null;
}

await bundleTargets(targets);
const outcomes: Outcome[] = [];
for (const target of targets) outcomes.push(await fuzz(target));
if (values.target.includes(KEY_PAIRS)) outcomes.push(await keyPairs());
for (const { target, runs, seconds, ok, code } of outcomes) {
  const word = ok ? "ok  " : code === 0 ? "SHORT" : "FAIL";
  console.log(`${word} ${target}: ${runs} executions in ${seconds} s`);
}
const failed = outcomes.filter(({ ok }) => !ok).length;
console.log(`${outcomes.length - failed} passed, ${failed} failed`);
rmSync(scratch, { recursive: true, force: true });
process.exitCode = failed > 0 ? 1 : 0;

/** The addon as it is where it loads, the copy for an older C library where that is what it lacks. */
function addonEnvironment(): Record<string, string> {
  const loads = spawnSync(process.execPath, ["-e", "require(process.argv[1])", addon], {
    encoding: "utf8",
  });
  if (loads.status === 0) return {};
  if (!/version `GLIBC/.test(loads.stderr)) throw new Error(loads.stderr);
  const copy = join(scratch, "fuzzer-for-older-glibc.node");
  writeFileSync(copy, forOlderGlibc(addon));
  return { FUZZER_ADDON: copy, NODE_OPTIONS: `--require ${HERE}load-addon.cjs` };
}

async function fuzz(target: string): Promise<Outcome> {
  const corpus = join(HERE, "corpus", target);
  const found = join(scratch, target);
  mkdirSync(found, { recursive: true });
  const folders = existsSync(corpus) ? [found, corpus] : [found];
  const startedAt = performance.now();
  const isSync = target !== "grpc-frame";
  const end = await jazzer(target, folders, isSync, [
    `-runs=${values.runs}`,
    `-seed=${values.seed}`,
    `-max_total_time=${values.seconds}`,
    "-max_len=1024",
    "-timeout=10",
    "-rss_limit_mb=2048",
    `-artifact_prefix=${HERE}.build/${target}-`,
  ]);
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  // The last number that was told: the line with the sum may be lost when the process exits.
  const runs = Math.max(
    0,
    ...Array.from(end.output.matchAll(/^(?:#|Done )(\d+)\s/gm), ([, count]) => Number(count)),
  );
  const wanted = Number(values.runs);
  const ok = end.code === 0 && runs >= wanted;
  if (!ok) console.log(end.output.split("\n").slice(-40).join("\n"));
  if (ok && values.keep) {
    mkdirSync(corpus, { recursive: true });
    await jazzer(target, [corpus, found], isSync, ["-merge=1", "-max_len=1024"]);
  }
  return { target, runs, seconds, ok, code: end.code };
}

/** `runs` pairs for each kind of key. */
async function keyPairs(): Promise<Outcome> {
  const startedAt = performance.now();
  const child = spawn("npx", ["vitest", "run", "test/keys"], {
    env: { ...process.env, KEY_PAIRS: values.runs, KEY_SEED: values.seed },
    stdio: "inherit",
  });
  const [code] = await once(child, "close");
  const seconds = Math.round((performance.now() - startedAt) / 1000);
  return { target: KEY_PAIRS, runs: Number(values.runs), seconds, ok: code === 0, code };
}

async function jazzer(
  target: string,
  folders: readonly string[],
  isSync: boolean,
  flags: readonly string[],
): Promise<{ code: number | null; output: string }> {
  const child = spawn(
    process.execPath,
    [
      cli,
      bundleOf(target),
      ...folders,
      ...(isSync ? ["--sync"] : []),
      ...["--includes", ".build/", "--timeout", "10000"],
      // Ours says itself what may not happen; these would only know of `eval` and the like.
      ...["--disable_bug_detectors", "command-injection"],
      "--",
      ...flags,
    ],
    { env: environment, stdio: ["ignore", "pipe", "pipe"] },
  );
  let output = "";
  const collect = (chunk: Buffer): void => {
    // The end matters; libFuzzer tells of every find.
    output = (output + chunk.toString("utf8")).slice(-100_000);
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  const [code] = await once(child, "close");
  return { code: typeof code === "number" ? code : null, output };
}
