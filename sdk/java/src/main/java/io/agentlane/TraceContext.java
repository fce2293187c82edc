package io.agentlane;

import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import java.util.HashMap;
import java.util.Map;

/** Trace context of the active span, where the OpenTelemetry API is on the class path. */
final class TraceContext {
  private static final boolean IS_PRESENT = isPresent();

  private TraceContext() {}

  static Map<String, String> headers() {
    return IS_PRESENT ? Api.headers() : Map.of();
  }

  private static boolean isPresent() {
    try {
      Class.forName("io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator");
      return true;
    } catch (ClassNotFoundException | LinkageError absent) {
      return false;
    }
  }

  /**
   * Loaded only when the API is there. It does not ask GlobalOpenTelemetry, whose first use would
   * keep the application from registering its own.
   */
  private static final class Api {
    static Map<String, String> headers() {
      Map<String, String> carrier = new HashMap<>();
      W3CTraceContextPropagator.getInstance().inject(Context.current(), carrier, Map::put);
      return carrier;
    }
  }
}
