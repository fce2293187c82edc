/** Whether the machine was busy with something else, by Linux' /proc: then latencies say nothing. */
import { readdirSync, readFileSync } from "node:fs";

interface Ticks {
  /** Of all processors, idle or not. */
  readonly all: number;
  readonly busy: number;
  /** Of this process and all that it has started, and that they have. */
  readonly own: number;
}

export interface MachineWatch {
  /** The part of the machine's processors, 0 to 1, that others have used since the watch began. */
  othersShare(): number;
}

export function watchMachine(): MachineWatch {
  const before = ticks();
  return {
    othersShare() {
      const after = ticks();
      const all = Math.max(1, after.all - before.all);
      return Math.max(0, after.busy - before.busy - (after.own - before.own)) / all;
    },
  };
}

/** Fields of the line "cpu", by proc_stat(5); `steal` is what other virtual machines take. */
const [NICE_END, IDLE, IO_WAIT, IRQ, SOFT_IRQ, STEAL] = [3, 3, 4, 5, 6, 7];

function ticks(): Ticks {
  const [line = ""] = readFileSync("/proc/stat", "utf8").split("\n", 1);
  const fields = line.split(/\s+/).slice(1).map(Number);
  const at = (index: number): number => fields[index] ?? 0;
  const busy = fields.slice(0, NICE_END).reduce((sum, each) => sum + each, 0) + at(STEAL);
  // Interrupts are mostly the attack's own packets: neither idle nor others'.
  const all = busy + at(IDLE) + at(IO_WAIT) + at(IRQ) + at(SOFT_IRQ);
  return { all, busy, own: ownTicks() };
}

function ownTicks(): number {
  const processes = new Map<number, { readonly parent: number; readonly used: number }>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    const found = Number.isInteger(pid) ? processOf(pid) : undefined;
    if (found) processes.set(pid, found);
  }
  let sum = 0;
  for (const [pid, { used }] of processes) {
    let at: number | undefined = pid;
    while (at !== undefined && at !== process.pid) at = processes.get(at)?.parent;
    if (at === process.pid) sum += used;
  }
  return sum;
}

/** Undefined: it has ended. */
function processOf(pid: number): { parent: number; used: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name may hold anything; what follows it does not.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    // parent: field 4 of proc_pid_stat(5); utime and stime: 14 and 15; the first here is field 3.
    return { parent: Number(fields[1]), used: Number(fields[11]) + Number(fields[12]) };
  } catch {
    return undefined;
  }
}
