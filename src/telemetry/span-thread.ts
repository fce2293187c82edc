/** The program of the thread that exports spans: OpenTelemetry's own exporter, beside the event loop. */
import { parentPort, workerData } from "node:worker_threads";
import { DiagLogLevel, diag } from "@opentelemetry/api";
import { ExportResultCode } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { spansOfText } from "./span-batch.ts";
import { warningsOnly } from "./span-diagnostics.ts";
import type { SpanThreadData, SpanThreadOrder, SpanThreadReply } from "./span-exporter.ts";

function tell(reply: SpanThreadReply): void {
  parentPort?.postMessage(reply);
}

const data: SpanThreadData = workerData;
const resource = resourceFromAttributes(data.resourceAttributes);
const exporter = new OTLPTraceExporter({ url: data.endpoint, headers: data.headers });
diag.setLogger(
  warningsOnly((message) => tell({ kind: "warning", message })),
  DiagLogLevel.WARN,
);

parentPort?.on("message", async (order: SpanThreadOrder) => {
  if (order.kind === "stop") {
    await exporter.shutdown();
    parentPort?.close();
    return;
  }
  exporter.export(spansOfText(order.spans, resource), ({ code, error }) => {
    const failed = code !== ExportResultCode.SUCCESS;
    tell({
      kind: "exported",
      id: order.id,
      ...(failed && { error: error?.message ?? "the export failed" }),
    });
  });
});
