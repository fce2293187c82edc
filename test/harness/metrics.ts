/** Reads a Prometheus page, as text with lines of `name{label="value"} number`. */

export type Labels = Readonly<Record<string, string>>;

export interface MetricsPage {
  readonly text: string;
  /** Names that a TYPE line announces, without the suffixes of histograms. */
  readonly names: readonly string[];
  /** The sum over all series that have these labels; 0 without any. */
  value(name: string, labels?: Labels): number;
  /** The labels of each series. */
  series(name: string): Labels[];
}

export function parseMetrics(text: string): MetricsPage {
  const lines = text.split("\n");
  const samples = lines.filter((line) => line !== "" && !line.startsWith("#")).map(parseLine);
  const names = lines.flatMap((line) => /^# TYPE (\S+)/.exec(line)?.[1] ?? []);
  const named = (name: string) => samples.filter((sample) => sample.name === name);
  return {
    text,
    names,
    value: (name, labels = {}) =>
      named(name)
        .filter((sample) =>
          Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
        )
        .reduce((sum, { value }) => sum + value, 0),
    series: (name) => named(name).map(({ labels }) => labels),
  };
}

function parseLine(line: string): { name: string; labels: Labels; value: number } {
  const found = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
  if (!found) throw new Error(`no line of a metrics page: ${line}`);
  const [, name = "", inner = "", value] = found;
  const pairs = [...inner.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)];
  const labels = Object.fromEntries(pairs.map(([, key, text]) => [key ?? "", text ?? ""]));
  return { name, labels, value: value === "+Inf" ? Number.POSITIVE_INFINITY : Number(value) };
}

/** Of somebody who knows where the endpoint is. */
export async function metricsAt(exported: {
  address(): { host: string; port: number } | undefined;
}): Promise<MetricsPage> {
  const address = exported.address();
  if (!address) throw new Error("there is no endpoint");
  return scrape(`http://${address.host}:${address.port}/metrics`);
}

export async function scrape(url: string): Promise<MetricsPage> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return parseMetrics(await response.text());
}
