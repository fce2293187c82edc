/** What instruments have counted, for tests that look at a few series. */
import type { CollectableMetrics } from "../../src/telemetry/metrics.ts";

interface Named {
  readonly name: string;
}

/** Every series of a metric: its attributes' values, and a counter's value or a histogram's count. */
export async function counted(
  metrics: CollectableMetrics,
  { name }: Named,
): Promise<Record<string, number>> {
  const { metrics: all } = await metrics.collect();
  const found = all.find(({ definition }) => definition.name === name);
  const label = (attributes: object): string => Object.values(attributes).join(" ");
  return Object.fromEntries([
    ...(found?.sums ?? []).map(({ attributes, value }) => [label(attributes), value] as const),
    ...(found?.histograms ?? []).map(
      ({ attributes, value }) => [label(attributes), value.count] as const,
    ),
  ]);
}

/** The sum of a histogram's series that has these values. */
export async function sumOf(
  metrics: CollectableMetrics,
  { name }: Named,
  ...values: string[]
): Promise<number> {
  const { metrics: all } = await metrics.collect();
  const found = all.find(({ definition }) => definition.name === name);
  const series = found?.histograms.filter(({ attributes }) =>
    values.every((value) => Object.values(attributes).includes(value)),
  );
  return (series ?? []).reduce((sum, { value }) => sum + value.sum, 0);
}
