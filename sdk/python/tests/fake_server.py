"""A gRPC server whose answers a test makes up: what a real one says only at the wrong moment."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Dict, List, Optional, Tuple

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from agentlane.v1 import (
    ChatCompletionChoice,
    ChatCompletionChunk,
    ChatCompletionDelta,
    StreamExecuteResponse,
    TaskEvent,
    TaskStateChange,
)
from agentlane.v1.agent_service_pb2_grpc import add_AgentServiceServicer_to_server
from agentlane.v1.task_service_pb2_grpc import add_TaskServiceServicer_to_server

Handler = Callable[[Any, grpc.ServicerContext], Any]


class FakeServer:
    """Handlers by RPC; `calls` has their names and requests in order."""

    def __init__(self, **handlers: Handler) -> None:
        self.calls: List[Tuple[str, Any]] = []
        self._handlers: Dict[str, Handler] = handlers
        self._server = grpc.server(ThreadPoolExecutor(8))
        add_AgentServiceServicer_to_server(self, self._server)  # type: ignore[arg-type]
        add_TaskServiceServicer_to_server(self, self._server)  # type: ignore[arg-type]
        self.url = f"http://127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    def __enter__(self) -> "FakeServer":
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.stop(None).wait()

    def __getattr__(self, rpc: str) -> Handler:
        def handle(request: Any, context: grpc.ServicerContext) -> Any:
            self.calls.append((rpc, request))
            if rpc not in self._handlers:
                context.abort(grpc.StatusCode.UNIMPLEMENTED, f"the test has no {rpc}")
            return self._handlers[rpc](request, context)

        return handle

    def requests(self, rpc: str) -> List[Any]:
        return [request for name, request in self.calls if name == rpc]


def refuse(
    context: grpc.ServicerContext,
    code: grpc.StatusCode,
    *,
    reason: str = "",
    task_id: str = "",
    retry_after: Optional[float] = None,
) -> None:
    """Without a reason it looks like a broken connection."""
    status = Status(code=code.value[0], message="refused")
    if reason:
        metadata = {"task_id": task_id} if task_id else {}
        status.details.append(packed(ErrorInfo(reason=reason, metadata=metadata)))
    if retry_after is not None:
        retry = RetryInfo()
        retry.retry_delay.FromNanoseconds(round(retry_after * 1e9))
        status.details.append(packed(retry))
    if status.details:
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(code, "refused")


def packed(message: Any) -> AnyMessage:
    box = AnyMessage()
    box.Pack(message)
    return box


def state(sequence: int, to: str, attempt: int = 1, **fields: Any) -> StreamExecuteResponse:
    change = TaskStateChange(state=f"TASK_STATE_{to}", **fields)
    return reply(sequence, attempt, TaskEvent(state_change=change))


def said(sequence: int, text: str, attempt: int = 1, merged: int = 0) -> StreamExecuteResponse:
    choice = ChatCompletionChoice(delta=ChatCompletionDelta(content=text))
    event = TaskEvent(chunk=ChatCompletionChunk(choices=[choice]))
    return reply(sequence, attempt, event, merged)


def reply(sequence: int, attempt: int, event: TaskEvent, merged: int = 0) -> StreamExecuteResponse:
    return StreamExecuteResponse(
        task_id="t", attempt=attempt, sequence=sequence, merged_count=merged, event=event
    )
