/**
 * Instruments. A measurement finds its series by the values of its attributes and adds to numbers: a
 * tenth of a microsecond. The SDK's own instruments hash the attributes of every measurement, which
 * takes 3 to 4 µs and, with some fifteen of them a call, would be a quarter of what a call costs. So
 * the SDK reads, exports and serializes (metrics-export.ts), and the adding is done here.
 */
import type { Clock } from "../clock.ts";
import type { MetricDefinition } from "./metric-definitions.ts";

type Values<A extends readonly string[]> = { readonly [K in keyof A]: string };

export interface Counter<A extends readonly string[] = readonly string[]> {
  add(count: number, ...values: Values<A>): void;
}

export interface Histogram<A extends readonly string[] = readonly string[]> {
  /** NaN and negative values, as of a clock that was set back, count as 0. */
  record(value: number, ...values: Values<A>): void;
}

/** A value of a gauge, or of a counter that somebody else keeps. */
export interface Reading<A extends readonly string[] = readonly string[]> {
  readonly value: number;
  readonly values: Values<A>;
}

export type Read<A extends readonly string[]> = () =>
  | readonly Reading<A>[]
  | Promise<readonly Reading<A>[]>;

/** Asked for with a definition of METRICS; the same definition always gives the same instrument. */
export interface Metrics {
  counter<A extends readonly string[]>(definition: MetricDefinition<A>): Counter<A>;
  histogram<A extends readonly string[]>(definition: MetricDefinition<A>): Histogram<A>;
  /** Read when somebody collects; a read that fails leaves a gap in this metric alone. */
  observe<A extends readonly string[]>(definition: MetricDefinition<A>, read: Read<A>): void;
}

/** Off: nothing is kept. */
export const NO_METRICS: Metrics = {
  counter: () => ({ add: () => undefined }),
  histogram: () => ({ record: () => undefined }),
  observe: () => undefined,
};

/** Series of one metric; what comes after goes into one more, as the SDK's specification has it. */
const MAX_SERIES = 2000;
const OVERFLOW = { "otel.metric.overflow": true };

export type SeriesAttributes = Readonly<Record<string, string | boolean>>;

export interface HistogramPoint {
  readonly counts: number[];
  count: number;
  sum: number;
}

/** A metric with its series, as an exporter reads it. */
export interface Collected {
  readonly definition: MetricDefinition;
  readonly sums: readonly { readonly attributes: SeriesAttributes; readonly value: number }[];
  readonly histograms: readonly {
    readonly attributes: SeriesAttributes;
    readonly value: HistogramPoint;
  }[];
}

export interface CollectableMetrics extends Metrics {
  /** When counting began, milliseconds since the epoch. */
  readonly startedAt: number;
  collect(): Promise<{ metrics: Collected[]; errors: unknown[] }>;
}

export function createMetrics(clock: Clock, maxSeries = MAX_SERIES): CollectableMetrics {
  const startedAt = clock.now();
  const sums = new Map<MetricDefinition, Series<{ value: number }>>();
  const histograms = new Map<MetricDefinition, Series<HistogramPoint>>();
  const reads: { definition: MetricDefinition; read: Read<readonly string[]> }[] = [];

  return {
    startedAt,
    counter(definition) {
      const series = seriesOf(sums, definition, maxSeries, () => ({ value: 0 }));
      return {
        add(count, ...values) {
          series.at(values).value += count;
        },
      };
    },
    histogram(definition) {
      const { boundaries } = definition;
      const series = seriesOf(histograms, definition, maxSeries, () => ({
        counts: new Array<number>(boundaries.length + 1).fill(0),
        count: 0,
        sum: 0,
      }));
      return {
        record(value, ...values) {
          put(series.at(values), boundaries, value > 0 ? value : 0);
        },
      };
    },
    observe(definition, read) {
      reads.push({ definition, read });
    },
    async collect() {
      const errors: unknown[] = [];
      const observed = await Promise.all(
        reads.map(async ({ definition, read }) => {
          try {
            return observedBy(definition, await read());
          } catch (error) {
            errors.push(error);
            return observedBy(definition, []);
          }
        }),
      );
      const counted = [...sums].map(([definition, series]) => ({
        definition,
        sums: series.all().map(({ attributes, cell }) => ({ attributes, value: cell.value })),
        histograms: [],
      }));
      const distributed = [...histograms].map(([definition, series]) => ({
        definition,
        sums: [],
        histograms: series.all().map(({ attributes, cell }) => ({
          attributes,
          value: { ...cell, counts: [...cell.counts] },
        })),
      }));
      return { metrics: [...counted, ...distributed, ...observed], errors };
    },
  };
}

interface Series<T> {
  at(values: readonly string[]): T;
  all(): { readonly attributes: SeriesAttributes; readonly cell: T }[];
}

function seriesOf<T>(
  known: Map<MetricDefinition, Series<T>>,
  definition: MetricDefinition,
  maxSeries: number,
  make: () => T,
): Series<T> {
  const series = known.get(definition) ?? createSeries(definition, maxSeries, make);
  known.set(definition, series);
  return series;
}

/** A step on the way to a series: one for each value of its attributes. */
interface Step<T> {
  readonly next: Map<string, Step<T>>;
  cell: T | undefined;
}

function createSeries<T>(
  { attributes: names }: MetricDefinition,
  maxSeries: number,
  make: () => T,
): Series<T> {
  const root: Step<T> = { next: new Map(), cell: undefined };
  const known: { attributes: SeriesAttributes; cell: T }[] = [];
  let overflow: T | undefined;

  function add(values: readonly string[]): T {
    if (known.length >= maxSeries - 1) {
      overflow ??= make();
      return overflow;
    }
    const cell = make();
    let step = root;
    for (const value of values) {
      const next = step.next.get(value) ?? { next: new Map(), cell: undefined };
      step.next.set(value, next);
      step = next;
    }
    step.cell = cell;
    known.push({ attributes: attributesOf(names, values), cell });
    return cell;
  }

  return {
    at(values) {
      let step: Step<T> | undefined = root;
      for (const value of values) step = step?.next.get(value);
      return step?.cell ?? add(values);
    },
    all() {
      return overflow === undefined ? known : [...known, { attributes: OVERFLOW, cell: overflow }];
    },
  };
}

function put(point: HistogramPoint, boundaries: readonly number[], value: number): void {
  let low = 0;
  let high = boundaries.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value <= (boundaries[middle] ?? Number.POSITIVE_INFINITY)) high = middle;
    else low = middle + 1;
  }
  point.counts[low] = (point.counts[low] ?? 0) + 1;
  point.count++;
  point.sum += value;
}

function observedBy(definition: MetricDefinition, readings: readonly Reading[]): Collected {
  const sums = readings.map(({ value, values }) => ({
    attributes: attributesOf(definition.attributes, values),
    value,
  }));
  return { definition, sums, histograms: [] };
}

function attributesOf(names: readonly string[], values: readonly string[]): SeriesAttributes {
  const pairs = names.map((name, index) => [name, values[index] ?? ""] as const);
  return Object.fromEntries(pairs.filter(([, value]) => value !== ""));
}
