/** Variables of logs, metrics and traces. */
import { z } from "zod";
import {
  choice,
  count,
  decimal,
  flag,
  maybe,
  milliseconds,
  pairs,
  preset,
  url,
} from "./config-fields.ts";

export const logging = {
  LOG_LEVEL: choice(
    ["trace", "debug", "info", "warn", "error", "fatal", "silent"],
    "info",
    "The least severe level that is logged.",
  ),
  LOG_FORMAT: choice(["json", "pretty"], "json", "json = a line per record; pretty = for people."),
};

const samplers = [
  "always_on",
  "always_off",
  "traceidratio",
  "parentbased_always_on",
  "parentbased_always_off",
  "parentbased_traceidratio",
] as const;

export const tracing = {
  OTEL_SDK_DISABLED: flag("false", "true = no tracing and no metrics, whatever else is set."),
  OTEL_TRACES_EXPORTER: maybe(z.enum(["otlp", "none"]), {
    expects: "otlp or none",
    example: "otlp",
    meaning: "Default: otlp once an endpoint is set, none otherwise.",
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: maybe(url(/^https?$/), {
    expects: "an http:// or https:// URL",
    example: "http://localhost:4318",
    meaning:
      "Collector; /v1/traces and /v1/metrics are added. Setting it turns tracing on, and metrics are sent too.",
    secret: "password",
  }),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: maybe(url(/^https?$/), {
    expects: "an http:// or https:// URL",
    example: "http://localhost:4318/v1/traces",
    meaning: "The same for traces only, used as it is.",
    secret: "password",
  }),
  OTEL_EXPORTER_OTLP_PROTOCOL: choice(
    ["http/protobuf"],
    "http/protobuf",
    "The one OTLP form this program sends.",
  ),
  OTEL_EXPORTER_OTLP_HEADERS: maybe(pairs, {
    expects: "key=value pairs separated by commas",
    example: "authorization=Bearer%20token",
    meaning: "Headers of every export.",
    secret: "value",
  }),
  OTEL_SERVICE_NAME: preset(z.string().min(1), "agentlane", {
    expects: "a name",
    meaning: "service.name of all spans and metrics.",
  }),
  OTEL_RESOURCE_ATTRIBUTES: maybe(pairs, {
    expects: "key=value pairs separated by commas",
    example: "deployment.environment.name=staging",
    meaning: "Further resource attributes.",
  }),
  OTEL_TRACES_SAMPLER: choice(samplers, "parentbased_always_on", "Which traces are kept."),
  OTEL_TRACES_SAMPLER_ARG: preset(decimal.transform(Number).pipe(z.number().min(0).max(1)), "1", {
    expects: "a number from 0 to 1",
    example: "0.1",
    meaning: "Fraction of traces for the traceidratio samplers.",
  }),
  OTEL_BSP_SCHEDULE_DELAY: milliseconds("5000", "Milliseconds between exports."),
  OTEL_BSP_EXPORT_TIMEOUT: milliseconds("30000", "Limit on one export, in milliseconds."),
  OTEL_BSP_MAX_QUEUE_SIZE: count("2048", "Ended spans kept for export; more are dropped."),
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: count("512", "Spans in one export."),
  OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: flag(
    "false",
    "true = prompts, answers and tool data appear in spans.",
  ),
};

const metricsExporters = z
  .string()
  .transform((text) => text.split(",").map((name) => name.trim()))
  .pipe(z.array(z.enum(["prometheus", "otlp", "none"])).min(1));

export const metrics = {
  OTEL_METRICS_EXPORTER: maybe(metricsExporters, {
    expects: "prometheus, otlp, both separated by a comma, or none",
    example: "prometheus,otlp",
    meaning: "Default: prometheus, and otlp too once an endpoint is set.",
  }),
  METRICS_HOST: preset(z.string().regex(/^[^\s/]+$/), "127.0.0.1", {
    expects: "a host name or an IP address",
    meaning:
      "Address of the Prometheus endpoint, http://METRICS_HOST:METRICS_PORT/metrics. It asks nobody for credentials: beyond loopback a firewall must.",
  }),
  METRICS_PORT: maybe(
    z.string().regex(/^\d+$/).transform(Number).pipe(z.number().min(0).max(65_535)),
    {
      expects: "a whole number from 0 to 65535",
      example: "9464",
      meaning:
        "Its port; 0 = any free one. Default: 9464, or any free one when another process has that; the log says which.",
    },
  ),
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: maybe(url(/^https?$/), {
    expects: "an http:// or https:// URL",
    example: "http://localhost:4318/v1/metrics",
    meaning: "As OTEL_EXPORTER_OTLP_ENDPOINT, for metrics only, used as it is.",
    secret: "password",
  }),
  OTEL_METRIC_EXPORT_INTERVAL: milliseconds("60000", "Milliseconds between exports by OTLP."),
  OTEL_METRIC_EXPORT_TIMEOUT: milliseconds("30000", "Limit on one export, in milliseconds."),
};
