/** CPU time of processes, which a busy machine distorts less than rates. Linux only. */
import { existsSync, readFileSync } from "node:fs";

/** USER_HZ, which is 100 on all architectures of Linux. */
const MS_A_TICK = 10;
/** utime and stime, counted after the command's name: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
const TIMES_AT = 11;

/** Undefined where there is no /proc. */
export function cpuMsOf(pids: readonly number[]): number | undefined {
  let ticks = 0;
  for (const pid of pids) {
    const file = `/proc/${pid}/stat`;
    if (!existsSync(file)) return undefined;
    const fields = readFileSync(file, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    ticks += Number(fields[TIMES_AT]) + Number(fields[TIMES_AT + 1]);
  }
  return ticks * MS_A_TICK;
}
