/**
 * The long fault suite: `npm run test:faults -- --seconds 600 --seed 1 [--only redis]
 * [--faults kill-worker,freeze] [--kill-gap 1-3] [--fault-gap 2-8] [--conversations 40] [--logs 0.1]`.
 * `only` names a backend. Gaps are in seconds; `logs` is the share of logs read of tasks that nothing
 * has happened to. Exit code 1 when an invariant is broken.
 */
import { parseArgs } from "node:util";
import { backendByName } from "./backends/by-name.ts";
import { runFaults } from "./run.ts";
import { DEFAULT_SETTINGS, faultKindsOf } from "./settings.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "120" },
    seed: { type: "string", default: String(Date.now() & 0x7fff_ffff) },
    only: { type: "string", default: "redis" },
    faults: { type: "string" },
    "kill-gap": { type: "string", default: "1-3" },
    "fault-gap": { type: "string", default: "2-8" },
    logs: { type: "string", default: "0.1" },
    ahead: { type: "string", default: "20" },
    conversations: { type: "string", default: String(DEFAULT_SETTINGS.conversationCount) },
  },
});
const backend = backendByName(values.only);
const known = faultKindsOf(backend);

const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => interrupted.abort());
const wanted = values.faults?.split(",").filter(Boolean) ?? known;
const startedAt = performance.now();
const replay = Object.entries(values).map(([name, value]) => `--${name} ${value}`);
const print = (line: string): void => {
  console.log(`${((performance.now() - startedAt) / 1000).toFixed(1).padStart(7)} s  ${line}`);
};
print(`npm run test:faults -- ${replay.join(" ")}`);
const run = runFaults({
  ...DEFAULT_SETTINGS,
  backend,
  seed: Number(values.seed),
  loadMs: Number(values.seconds) * 1000,
  kinds: wanted.map(kindOf),
  killGapMs: gapOf(values["kill-gap"]),
  faultGapMs: gapOf(values["fault-gap"]),
  ordinaryLogShare: Number(values.logs),
  conversationCount: Number(values.conversations),
  maxAheadCount: Number(values.ahead),
  signal: interrupted.signal,
  print,
});
const report = await run.catch((error: unknown) => {
  if (!interrupted.signal.aborted) throw error;
  print("interrupted; nothing was judged");
});
for (const line of report?.figures ?? []) console.log(line);
if (report && report.violations.length > 0) {
  console.log(`replay: npm run test:faults -- ${replay.join(" ")}`);
}
process.exitCode = report?.violations.length === 0 ? 0 : 1;

function gapOf(text: string): [number, number] {
  const [from = 0, to = from] = text.split("-").map((part) => Number(part) * 1000);
  return [from, to];
}

function kindOf(name: string): string {
  if (!known.includes(name)) throw new Error(`"${name}" is no fault; there are ${known.join()}`);
  return name;
}
