/** OTLP over HTTP by the SDK's own transport: its retries, its limits, its variables for TLS and compression. */
import { context } from "@opentelemetry/api";
import { ExportResultCode, suppressTracing } from "@opentelemetry/core";
import {
  convertLegacyHttpOptions,
  createOtlpHttpExportDelegate,
} from "@opentelemetry/otlp-exporter-base/node-http";
import { type ISerializer, ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";

export interface OtlpSenderOptions {
  /** Full URL of the OTLP/HTTP traces endpoint. */
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Of one request with its repetitions. */
  readonly timeoutMs: number;
}

export interface OtlpSender {
  /** Rejects when the collector did not take it. */
  send(request: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

type Answer = ReturnType<typeof ProtobufTraceSerializer.deserializeResponse>;

/** What is sent has been written already. */
const asItIs: ISerializer<Uint8Array, Answer> = {
  serializeRequest: (request) => request,
  deserializeResponse: (bytes) => ProtobufTraceSerializer.deserializeResponse(bytes),
};

export function createOtlpSender({ endpoint, headers, timeoutMs }: OtlpSenderOptions): OtlpSender {
  const delegate = createOtlpHttpExportDelegate(
    convertLegacyHttpOptions(
      { url: endpoint, headers: { ...headers }, timeoutMillis: timeoutMs },
      "TRACES",
      "v1/traces",
      { "Content-Type": "application/x-protobuf" },
    ),
    asItIs,
    "otlp_http_span_exporter",
    { name: "span", countItems: () => 1 },
    undefined,
  );
  return {
    send: (request) =>
      new Promise((resolve, reject) => {
        context.with(suppressTracing(context.active()), () =>
          delegate.export(request, ({ code, error }) => {
            if (code === ExportResultCode.SUCCESS) resolve();
            else reject(error ?? new Error("the collector did not take the spans"));
          }),
        );
      }),
    close: () => delegate.shutdown(),
  };
}
