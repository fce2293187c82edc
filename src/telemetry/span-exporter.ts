/**
 * Exports spans from a thread of its own: turning them into Protobuf and sending them takes longer
 * than making them, and would hold up the event loop that the calls are on
 * (docs/decisions/0027-a-thread-exports-spans.md).
 */
import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { type ExportResult, ExportResultCode } from "@opentelemetry/core";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";
import { spansToText } from "./span-batch.ts";

/** What the thread's program finds in its `workerData`. */
export interface SpanThreadData {
  /** Full URL of the OTLP/HTTP traces endpoint. */
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly resourceAttributes: Readonly<Record<string, string>>;
}

export type SpanThreadOrder =
  | { readonly kind: "export"; readonly id: number; readonly spans: string }
  | { readonly kind: "stop" };

export type SpanThreadReply =
  | { readonly kind: "exported"; readonly id: number; readonly error?: string }
  | { readonly kind: "warning"; readonly message: string };

type Done = (result: ExportResult) => void;

/** Its program has this file's extension: it is compiled, or not, as this one is. */
const PROGRAM = new URL(`./span-thread${extname(import.meta.filename)}`, import.meta.url);
/** The exporter, its HTTP client and a few batches; more would be a leak. */
const MAX_HEAP_MB = 128;

export interface SpanThread {
  readonly exporter: SpanExporter;
  /** Ends it, whatever it is at; after `exporter.shutdown()` there is nothing left to end. */
  terminate(): Promise<void>;
}

/** Starts with the first batch, and anew with the next one when it has crashed. */
export function createSpanThread(
  data: SpanThreadData,
  onWarning: (message: string) => void,
): SpanThread {
  const waiting = new Map<number, Done>();
  let thread: Worker | undefined;
  let lastId = 0;
  let ended: Promise<void> = Promise.resolve();

  function settle(id: number, error: string | undefined): void {
    const done = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) done?.({ code: ExportResultCode.SUCCESS });
    else done?.({ code: ExportResultCode.FAILED, error: new Error(error) });
  }

  function start(): Worker {
    const started = new Worker(PROGRAM, {
      name: "agentlane spans",
      workerData: data,
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    });
    // Whoever stops tracing waits for it; a process that just ends does not.
    started.unref();
    started.on("message", (reply: SpanThreadReply) => {
      if (reply.kind === "warning") onWarning(reply.message);
      else settle(reply.id, reply.error);
    });
    started.on("error", (error) => onWarning(`the thread that exports spans crashed: ${error}`));
    const { promise, resolve } = Promise.withResolvers<void>();
    started.on("exit", () => {
      thread = undefined;
      for (const id of [...waiting.keys()]) settle(id, "the thread that exports spans ended");
      resolve();
    });
    ended = promise;
    return started;
  }

  function tell(to: Worker, order: SpanThreadOrder): void {
    to.postMessage(order);
  }

  const exporter: SpanExporter = {
    export(spans: ReadableSpan[], done: Done) {
      thread ??= start();
      lastId += 1;
      waiting.set(lastId, done);
      tell(thread, { kind: "export", id: lastId, spans: spansToText(spans) });
    },
    async shutdown() {
      if (!thread) return;
      thread.ref();
      tell(thread, { kind: "stop" });
      await ended;
    },
  };

  return { exporter, terminate: async () => void (await thread?.terminate()) };
}
