/**
 * One call in flight; what arrives meanwhile goes into the next one. So calls grow with the load, and
 * one alone never waits.
 */
export function batched<T>(
  run: (items: readonly T[]) => Promise<void>,
  maxCount: number,
): (items: readonly T[]) => Promise<void> {
  let waiting: { readonly items: T[]; readonly done: Promise<void> } | undefined;
  let running: Promise<void> = Promise.resolve();

  function next(): { readonly items: T[]; readonly done: Promise<void> } {
    const items: T[] = [];
    const batch = {
      items,
      done: running.then(() => {
        if (waiting === batch) waiting = undefined;
        return run(items);
      }),
    };
    running = batch.done.catch(() => undefined);
    return batch;
  }

  return (items) => {
    if (!waiting || waiting.items.length + items.length > maxCount) waiting = next();
    waiting.items.push(...items);
    return waiting.done;
  };
}
