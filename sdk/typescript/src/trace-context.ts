/** Trace context of the active span, where the OpenTelemetry API is installed. */
type Carrier = Record<string, string>;

interface Api {
  readonly context: { active(): unknown };
  readonly propagation: { inject(context: unknown, carrier: Carrier): void };
}

/** A variable, so that no bundler insists on the package. */
const PACKAGE = "@opentelemetry/api";
const api: Promise<Api | undefined> = import(/* @vite-ignore */ PACKAGE).catch(() => undefined);

export async function traceHeaders(): Promise<Carrier> {
  const carrier: Carrier = {};
  const found = await api;
  found?.propagation.inject(found.context.active(), carrier);
  return carrier;
}
