/**
 * One call in flight; what arrives meanwhile, and during the pause before the next one, goes into that.
 * So calls grow with the load. Nobody is kept waiting by the pause who does not wait for the call.
 */
export function batched<T>(
  run: (items: readonly T[]) => Promise<void>,
  maxCount: number,
  pause: () => Promise<void>,
): (items: readonly T[]) => Promise<void> {
  let waiting: { readonly items: T[]; readonly done: Promise<void> } | undefined;
  let running: Promise<void> = Promise.resolve();

  function next(): { readonly items: T[]; readonly done: Promise<void> } {
    const items: T[] = [];
    const batch = {
      items,
      done: running.then(pause).then(() => {
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
