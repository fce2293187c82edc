"""Trace context of the active span, where the OpenTelemetry API is installed."""

from __future__ import annotations

from typing import Dict

try:
    from opentelemetry.propagate import inject
except ImportError:

    def trace_headers() -> Dict[str, str]:
        return {}

else:

    def trace_headers() -> Dict[str, str]:
        carrier: Dict[str, str] = {}
        inject(carrier)
        return carrier
