import type { HistoryRecord } from "./history.ts";

export interface Recorder {
  add(record: HistoryRecord): void;
  /** A place in the order of now, for what is known only later. */
  place(): (record: HistoryRecord) => void;
  records(): HistoryRecord[];
}

export function createRecorder(): Recorder {
  const places: HistoryRecord[][] = [];
  const place = (): ((record: HistoryRecord) => void) => {
    const own: HistoryRecord[] = [];
    places.push(own);
    return (record) => void own.push(record);
  };
  return { add: (record) => place()(record), place, records: () => places.flat() };
}
