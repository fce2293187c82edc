"""The trace context of the active span, with the API alone: no SDK makes spans here."""

import unittest
from typing import Any, List

import grpc
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from agentlane import aio, connect
from agentlane.v1 import GetTaskResponse, Task

from fake_server import FakeServer

SPAN = NonRecordingSpan(
    SpanContext(
        trace_id=0x0AF7651916CD43DD8448EB211C80319C,
        span_id=0xB7AD6B7169203331,
        is_remote=False,
        trace_flags=TraceFlags(1),
    )
)
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class TraceContextTest(unittest.IsolatedAsyncioTestCase):
    async def test_calls_carry_it(self) -> None:
        seen: List[Any] = []

        def get(_: Any, context: grpc.ServicerContext) -> GetTaskResponse:
            seen.extend(
                value for name, value in context.invocation_metadata() if name == "traceparent"
            )
            return GetTaskResponse(task=Task(task_id="t"))

        with FakeServer(GetTask=get) as server, trace.use_span(SPAN):
            with connect(server.url) as client:
                client.get_task("t")
            async with aio.connect(server.url) as awaited:
                await awaited.get_task("t")
        self.assertEqual(seen, [TRACEPARENT, TRACEPARENT])


if __name__ == "__main__":
    unittest.main()
