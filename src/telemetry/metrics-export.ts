/**
 * Metrics on their way out, by OpenTelemetry's SDK: a Prometheus endpoint on a port of its own, OTLP
 * to a collector, or both. Off = nothing listens and nothing is sent.
 */
import { ValueType } from "@opentelemetry/api";
import { millisToHrTime } from "@opentelemetry/core";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { emptyResource, resourceFromAttributes } from "@opentelemetry/resources";
import {
  AggregationTemporality,
  DataPointType,
  type IMetricReader,
  MeterProvider,
  type MetricData,
  type MetricProducer,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import type { Clock } from "../clock.ts";
import { type Service, service } from "../lifecycle.ts";
import type { Logger } from "./logging.ts";
import type { CollectableMetrics, Collected } from "./metrics.ts";
import { createMetricsPage } from "./metrics-page.ts";
import {
  ATTR_SERVICE_INSTANCE_ID,
  ATTR_SERVICE_NAME,
  ATTR_SERVICE_VERSION,
  SCOPE_NAME,
} from "./names.ts";

export interface MetricsOptions {
  /** Undefined = no endpoint. */
  readonly prometheus: PrometheusOptions | undefined;
  /** Undefined = nothing is sent. */
  readonly otlp: OtlpMetricsOptions | undefined;
  readonly serviceName: string;
  readonly resourceAttributes: Readonly<Record<string, string>>;
}

export interface PrometheusOptions {
  readonly host: string;
  /** Undefined = 9464, or any free one where another process has that; 0 = any free one. */
  readonly port: number | undefined;
}

export interface OtlpMetricsOptions {
  /** Full URL of the OTLP/HTTP metrics endpoint. */
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

export interface MetricsSetup {
  readonly metrics: CollectableMetrics;
  readonly version: string;
  /** service.instance.id. */
  readonly instanceId: string;
  readonly logger: Logger;
  readonly clock: Clock;
}

export interface MetricsExport extends Service {
  /** Of the Prometheus endpoint; undefined while there is none. */
  address(): { host: string; port: number } | undefined;
}

/** How long a stop waits for the last export. */
const LAST_EXPORT_MS = 5000;

export function createMetricsExport(
  options: MetricsOptions | undefined,
  setup: MetricsSetup,
): MetricsExport {
  let provider: MeterProvider | undefined;
  let page: ReturnType<typeof createMetricsPage> | undefined;
  return {
    ...service(
      async () => {
        if (!options) return;
        const producer = producerOf(setup);
        const scraped = new PrometheusExporter({
          preventServerStart: true,
          metricProducers: [producer],
        });
        const readers: IMetricReader[] = options.prometheus ? [scraped] : [];
        if (options.otlp) readers.push(otlpReader(options.otlp, producer));
        if (readers.length === 0) return;
        provider = new MeterProvider({ resource: resourceOf(options, setup), readers });
        if (!options.prometheus) return;
        const serializer = new PrometheusSerializer("", false, undefined, false, true);
        page = createMetricsPage(options.prometheus, setup.logger, async () => {
          const { resourceMetrics } = await scraped.collect();
          return serializer.serialize(resourceMetrics);
        });
        await page.start();
      },
      async () => {
        await page?.stop();
        page = undefined;
        const ending = provider?.shutdown().catch((error: unknown) => {
          setup.logger.warn("the last metrics were not exported", { error });
        });
        provider = undefined;
        const ended = new AbortController();
        await Promise.race([ending, setup.clock.sleep(LAST_EXPORT_MS, ended.signal)]);
        ended.abort();
      },
    ),
    address: () => page?.address(),
  };
}

function otlpReader(options: OtlpMetricsOptions, producer: MetricProducer): IMetricReader {
  return new PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter({
      url: options.endpoint,
      headers: options.headers,
      timeoutMillis: options.timeoutMs,
      temporalityPreference: AggregationTemporality.CUMULATIVE,
    }),
    exportIntervalMillis: options.intervalMs,
    exportTimeoutMillis: Math.min(options.timeoutMs, options.intervalMs),
    metricProducers: [producer],
  });
}

function resourceOf(options: MetricsOptions, setup: MetricsSetup) {
  return resourceFromAttributes({
    [ATTR_SERVICE_VERSION]: setup.version,
    [ATTR_SERVICE_INSTANCE_ID]: setup.instanceId,
    ...options.resourceAttributes,
    [ATTR_SERVICE_NAME]: options.serviceName,
  });
}

/** Our series in the SDK's form. */
function producerOf({ metrics, clock, version }: MetricsSetup): MetricProducer {
  return {
    async collect() {
      const { metrics: collected, errors } = await metrics.collect();
      const at = {
        startTime: millisToHrTime(metrics.startedAt),
        endTime: millisToHrTime(clock.now()),
      };
      const scope = { name: SCOPE_NAME, version };
      const scopeMetrics = [{ scope, metrics: collected.map((each) => dataOf(each, at)) }];
      return { resourceMetrics: { resource: emptyResource(), scopeMetrics }, errors };
    },
  };
}

type Times = Pick<MetricData["dataPoints"][number], "startTime" | "endTime">;

function dataOf({ definition, sums, histograms }: Collected, times: Times): MetricData {
  const { name, description, unit, kind, boundaries } = definition;
  const about = {
    descriptor: { name, description, unit, valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  if (kind === "histogram") {
    const dataPoints = histograms.map(({ attributes, value: { counts, count, sum } }) => ({
      ...times,
      attributes,
      value: { buckets: { boundaries: [...boundaries], counts }, count, sum },
    }));
    return { ...about, dataPointType: DataPointType.HISTOGRAM, dataPoints };
  }
  const dataPoints = sums.map((point) => ({ ...times, ...point }));
  if (kind === "gauge") return { ...about, dataPointType: DataPointType.GAUGE, dataPoints };
  return { ...about, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints };
}
