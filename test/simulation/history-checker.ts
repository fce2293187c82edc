/**
 * Judges a history by the invariants of the reliability guide. Pure: it knows no engine and no
 * backend, so fault suites against real servers use it too.
 */
import { judgeLease } from "./check-leases.ts";
import { judgeLog } from "./check-logs.ts";
import { judgeService } from "./check-service.ts";
import { judgeSession } from "./check-sessions.ts";
import { judgeSubmit } from "./check-submits.ts";
import type { History, HistoryLimits, HistoryRecord } from "./history.ts";
import { Ledger } from "./ledger.ts";

export interface Violation {
  /** Number of the invariant in the guide. */
  readonly invariant: number;
  readonly at: number;
  readonly message: string;
}

export interface Judgement {
  /** What held just before the record. */
  readonly ledger: Ledger;
  readonly limits: HistoryLimits;
  /** All records so far. */
  readonly past: readonly HistoryRecord[];
  report(invariant: number, message: string): void;
}

export type Judge = (record: HistoryRecord, judgement: Judgement) => void;

const JUDGES: readonly Judge[] = [judgeLog, judgeLease, judgeSession, judgeSubmit, judgeService];

export function checkHistory({ records, limits }: History): Violation[] {
  const ledger = new Ledger();
  const violations: Violation[] = [];
  const past: HistoryRecord[] = [];
  for (const record of records) {
    const report = (invariant: number, message: string): void => {
      violations.push({ invariant, at: record.at, message });
    };
    for (const judge of JUDGES) judge(record, { ledger, limits, past, report });
    ledger.apply(record);
    past.push(record);
  }
  return violations;
}
