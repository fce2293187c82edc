/** What OpenTelemetry has to tell about itself. */
import type { DiagLogger } from "@opentelemetry/api";

/** Failures of an export, and the like, surface at `warn` instead of nowhere. */
export function warningsOnly(warn: (message: string) => void): DiagLogger {
  return {
    error: warn,
    warn,
    info: () => undefined,
    debug: () => undefined,
    verbose: () => undefined,
  };
}
