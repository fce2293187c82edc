"""What the server refused, or why a task failed, with the google.rpc details decoded."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Optional, Tuple, TypeVar, cast

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from agentlane.v1 import TaskError

Detail = TypeVar("Detail", bound=Message)


@dataclass(frozen=True)
class FieldViolation:
    field: str
    """Path in the request, e.g. `messages[0].role`."""
    description: str


class AgentlaneError(Exception):
    """Every failure of a call, and of a task that a call waits for."""

    def __init__(
        self,
        message: str,
        code: grpc.StatusCode,
        *,
        reason: str = "",
        task_id: Optional[str] = None,
        retry_after: Optional[float] = None,
        field_violations: Tuple[FieldViolation, ...] = (),
        retryable: Optional[bool] = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.reason = reason or ("CANCELED" if code is grpc.StatusCode.CANCELLED else code.name)
        """Stable, UPPER_SNAKE_CASE: ErrorInfo.reason; after the code's name where there is none."""
        self.task_id = task_id
        """The task that the call was about, once there is one."""
        self.retry_after = retry_after
        """When trying again makes sense, in seconds, if the server says so."""
        self.field_violations = field_violations
        self.retryable = (
            retryable
            if retryable is not None
            else code is grpc.StatusCode.UNAVAILABLE or bool(retry_after)
        )
        """Whether the same turn may succeed when it is submitted anew."""

    @classmethod
    def of_call(cls, cause: grpc.RpcError) -> AgentlaneError:
        """Of a call that failed. Only this server's errors have an ErrorInfo."""
        call = cast(grpc.Call, cause)
        code, status = call.code(), _status_of(call)
        info = _detail(status, ErrorInfo())
        retry = _detail(status, RetryInfo())
        bad_request = _detail(status, BadRequest())
        is_broken = not info.reason and code in _BROKEN
        return cls(
            status.message or call.details() or code.name,
            grpc.StatusCode.UNAVAILABLE if is_broken else code,
            reason=info.reason,
            task_id=info.metadata.get("task_id"),
            retry_after=(
                retry.retry_delay.ToNanoseconds() / 1e9 if retry.HasField("retry_delay") else None
            ),
            field_violations=tuple(
                FieldViolation(violation.field, violation.description)
                for violation in bad_request.field_violations
            ),
        )

    @classmethod
    def of_task(cls, task_id: str, error: TaskError) -> AgentlaneError:
        """Why a task ended as FAILED or CANCELED."""
        return cls(
            error.message or "the task failed without saying why",
            _CODES.get(error.code, grpc.StatusCode.UNKNOWN),
            reason=error.reason or "TASK_FAILED",
            task_id=task_id,
            retryable=error.retryable,
            field_violations=tuple(
                FieldViolation(field, error.field_violations[field])
                for field in sorted(error.field_violations)
            ),
        )

    def __reduce__(self) -> Tuple[partial[AgentlaneError], Tuple[()]]:
        """Otherwise it would not survive the way between processes."""
        fields = {**self.__dict__}
        message, code = fields.pop("message"), fields.pop("code")
        return partial(AgentlaneError, message, code, **fields), ()

    @property
    def may_resend(self) -> bool:
        """
        Whether the same call may be sent again. A task's own failure may not: the task has ended.
        With these reasons only the watch did: the server stops, or its store is away.
        """
        if self.task_id and self.reason not in ("WATCH_ENDED", "WATCH_BROKEN"):
            return False
        if self.code is grpc.StatusCode.RESOURCE_EXHAUSTED:
            return self.retry_after is not None
        return self.code is grpc.StatusCode.UNAVAILABLE


_CODES = {code.value[0]: code for code in grpc.StatusCode if code is not grpc.StatusCode.OK}

_BROKEN = frozenset(
    {
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
    }
)
"""What gRPC makes of a broken connection, when the server has not said anything."""


def _status_of(call: grpc.Call) -> Status:
    for key, value in call.trailing_metadata() or ():
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            with suppress(DecodeError):
                return Status.FromString(value)
    return Status()


def _detail(status: Status, empty: Detail) -> Detail:
    for detail in status.details:
        with suppress(DecodeError):
            if detail.Unpack(empty):
                break
    return empty
