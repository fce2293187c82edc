/** The figures that are asked for as long as the console is open, whatever its page. */
import { type ComponentChildren, createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import { type Reading, type Sample, sampleOf, withSample } from "../model/figures.ts";
import type { Failure } from "../services/failure.ts";
import { usePolled } from "../services/hooks.ts";
import { useServices } from "../services/services.ts";

const INTERVAL_MS = 2000;

export interface Figures {
  /** The last one; undefined before the first. */
  readonly reading: Reading | undefined;
  readonly samples: readonly Sample[];
  readonly failure: Failure | undefined;
}

const FiguresContext = createContext<Figures>({
  reading: undefined,
  samples: [],
  failure: undefined,
});

export function useFigures(): Figures {
  return useContext(FiguresContext);
}

interface History {
  readonly last: Reading | undefined;
  readonly samples: readonly Sample[];
}

export function FiguresProvider({ children }: { children: ComponentChildren }) {
  const { operations, clock } = useServices();
  const [history, setHistory] = useState<History>({ last: undefined, samples: [] });
  const { data: reading, failure } = usePolled<Reading>(async (signal) => {
    const [status, { queues }, { workers }] = await Promise.all([
      operations.getTaskManagerStatus({}, { signal }),
      operations.getQueueStats({}, { signal }),
      operations.listWorkers({}, { signal }),
    ]);
    return { at: clock.now(), status, queues, workers };
  }, INTERVAL_MS);
  useEffect(() => {
    if (!reading) return;
    setHistory(({ last, samples }) => ({
      last: reading,
      samples: withSample(samples, sampleOf(reading, last)),
    }));
  }, [reading]);
  return (
    <FiguresContext.Provider value={{ reading, samples: history.samples, failure }}>
      {children}
    </FiguresContext.Provider>
  );
}
