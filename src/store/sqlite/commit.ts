/** Operations in one transaction, each in a savepoint of its own. */
import type { OpenFile } from "./file.ts";
import { begin, type Operation, saveFigures } from "./state.ts";

export interface Write {
  /** Runs the operation; answers how to tell its caller. */
  readonly run: (op: Operation) => () => void;
  readonly refuse: (error: unknown) => void;
  /** Not worth a sync of its own. */
  readonly isSoft: boolean;
}

/** Numbers that are never given away twice. */
export interface Orders {
  next(): number;
  /** What `next` took in this transaction is kept. */
  kept(): void;
  /** It is undone, or a part of it. */
  undone(): void;
}

/** Taken from the file at a time; what a process does not use of them is skipped. */
const ORDER_BLOCK = 10_000;

export function createOrders({ sql }: OpenFile): Orders {
  let last = 0;
  let end = 0;
  let isFresh = false;
  return {
    next() {
      if (last === end) {
        isFresh = true;
        end = sql.takeOrders.get(ORDER_BLOCK)?.taken_to ?? 0;
        last = end - ORDER_BLOCK;
      }
      return ++last;
    },
    kept() {
      isFresh = false;
    },
    undone() {
      if (isFresh) end = last;
    },
  };
}

/** Tells each caller when it is known what became of all. */
export function commit(
  file: OpenFile,
  orders: Orders,
  nowMs: number,
  group: readonly Write[],
): void {
  const { db, sql } = file;
  let answers: (() => void)[];
  try {
    sql.begin();
    answers = group.map((write) => {
      return runOne(file, orders, write, begin(sql, nowMs, orders.next));
    });
    sql.commit();
    orders.kept();
  } catch (error) {
    orders.undone();
    for (const write of group) write.refuse(error);
    // One that cannot even be rolled back ends the process, and the next one finds a file that is whole.
    if (db.isTransaction) sql.rollback();
    return;
  }
  for (const answer of answers) answer();
}

/** What one operation refuses is its own affair; what ends the transaction is everybody's. */
function runOne({ db, sql }: OpenFile, orders: Orders, write: Write, op: Operation): () => void {
  sql.savepoint();
  try {
    const answer = write.run(op);
    saveFigures(op);
    sql.release();
    return answer;
  } catch (error) {
    orders.undone();
    if (!db.isTransaction) throw error;
    sql.undo();
    sql.release();
    return () => write.refuse(error);
  }
}
