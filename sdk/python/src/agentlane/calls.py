"""What both clients take from callers, and send for them."""

from __future__ import annotations

from typing import Mapping, TypedDict

import grpc

from agentlane.errors import AgentlaneError
from agentlane.v1 import (
    CancelTaskRequest,
    ExecuteRequest,
    StreamExecuteRequest,
    SubmitTaskRequest,
)

CANCEL_LIMIT = 2.0
"""Seconds for telling the server that nobody waits any more."""

CANCEL_DELAYS = (0.0, 0.1, 0.2, 0.4)
"""Before each try: a submit that is still under way is not found at first."""


class CallOptions(TypedDict, total=False):
    timeout: float
    """Limit on the whole operation, in seconds, reconnects included."""
    headers: Mapping[str, str]


def stream_request(request: ExecuteRequest) -> StreamExecuteRequest:
    return StreamExecuteRequest.FromString(request.SerializeToString())


def submit_request(request: ExecuteRequest, streaming: bool) -> SubmitTaskRequest:
    request.ClearField("on_disconnect")
    submit = SubmitTaskRequest.FromString(request.SerializeToString())
    submit.streaming = streaming
    return submit


def leave_request(idempotency_key: str, task_id: str) -> CancelTaskRequest:
    reason = "the caller went away"
    if task_id:
        return CancelTaskRequest(task_id=task_id, reason=reason)
    return CancelTaskRequest(idempotency_key=idempotency_key, reason=reason)


def is_not_there_yet(cause: grpc.RpcError) -> bool:
    code = AgentlaneError.of_call(cause).code
    return code in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.UNAVAILABLE)


def gave_up() -> AgentlaneError:
    return AgentlaneError("the caller gave up", grpc.StatusCode.CANCELLED)


def was_left() -> AgentlaneError:
    return AgentlaneError("the stream was left", grpc.StatusCode.CANCELLED)


def ended_early() -> AgentlaneError:
    return AgentlaneError("the stream ended early", grpc.StatusCode.UNAVAILABLE)
