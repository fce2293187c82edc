/** Variables of logs and traces. */
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
  OTEL_SDK_DISABLED: flag("false", "true = no tracing whatever else is set."),
  OTEL_TRACES_EXPORTER: maybe(z.enum(["otlp", "none"]), {
    expects: "otlp or none",
    example: "otlp",
    meaning: "Default: otlp once an endpoint is set, none otherwise.",
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: maybe(url(/^https?$/), {
    expects: "an http:// or https:// URL",
    example: "http://localhost:4318",
    meaning: "Collector; /v1/traces is added. Setting it turns tracing on.",
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
    meaning: "service.name of all spans.",
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
