"""Turns as callers write them, and results as callers read them."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any, Iterable, List, Mapping, Optional, TypedDict, Union

from google.protobuf.duration_pb2 import Duration
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Struct, Value

from agentlane.v1 import (
    ON_DISCONNECT_CONTINUE,
    ROLE_USER,
    ContentPart,
    ExecuteRequest,
    Message,
    MultitaskStrategy,
    Priority,
    RetryPolicy,
    TaskResult,
    TaskState,
    Usage,
)


class TurnOptions(TypedDict, total=False):
    """Field by field in `agentlane.v1.ExecuteRequest`."""

    session_id: str
    """Absent: a stateless turn."""
    messages: Iterable[Message]
    """Before `text`, which is one message of the user."""
    input: Any
    """JSON, as `resume` is."""
    resume: Any
    priority: Union[Priority, str]
    """Its number or its name, as all enums."""
    idempotency_key: str
    """Absent: one is made, so that a call can be repeated."""
    attempt_timeout: float
    """Limit on one attempt, in seconds; a call's `timeout` limits the whole."""
    max_attempts: int
    metadata: Mapping[str, str]
    multitask_strategy: Union[MultitaskStrategy, str]
    retry_policy: RetryPolicy
    configurable: Mapping[str, Any]


@dataclass(frozen=True)
class TurnResult:
    task_id: str
    state: TaskState
    text: str
    """Of the last message."""
    messages: List[Message]
    """Those that the turn added."""
    interrupts: List[Any]
    """What the graph asks; the session's next turn answers with `resume`."""
    graph_state: Any
    """The graph's final state, where it is more than messages; None otherwise."""
    usage: Usage
    finish_reason: str
    session_version: int
    """0 for a stateless turn."""


def request_of(
    agent_id: str,
    text: Optional[str],
    *,
    session_id: str = "",
    messages: Iterable[Message] = (),
    input: Any = None,
    resume: Any = None,
    priority: Union[Priority, str, None] = None,
    idempotency_key: str = "",
    attempt_timeout: Optional[float] = None,
    max_attempts: int = 0,
    metadata: Optional[Mapping[str, str]] = None,
    multitask_strategy: Union[MultitaskStrategy, str, None] = None,
    retry_policy: Optional[RetryPolicy] = None,
    configurable: Optional[Mapping[str, Any]] = None,
) -> ExecuteRequest:
    """Goes on without the connection, so that a repeated call finds the task."""
    own = [] if text is None else [message_of(ROLE_USER, text)]
    return ExecuteRequest(
        agent_id=agent_id,
        session_id=session_id,
        messages=[*messages, *own],
        input=None if input is None else ParseDict(input, Value()),
        resume=None if resume is None else ParseDict(resume, Value()),
        priority=priority,
        idempotency_key=idempotency_key or str(uuid.uuid4()),
        timeout=None if attempt_timeout is None else _duration(attempt_timeout),
        max_attempts=max_attempts,
        metadata=metadata,
        multitask_strategy=multitask_strategy,
        on_disconnect=ON_DISCONNECT_CONTINUE,
        retry_policy=retry_policy,
        configurable=None if configurable is None else ParseDict(dict(configurable), Struct()),
    )


def result_of(task_id: str, state: TaskState, result: TaskResult) -> TurnResult:
    messages = list(result.messages)
    return TurnResult(
        task_id=task_id,
        state=state,
        text=text_of(messages[-1]) if messages else "",
        messages=messages,
        interrupts=[MessageToDict(interrupt.value) for interrupt in result.interrupts],
        graph_state=MessageToDict(result.state) if result.HasField("state") else None,
        usage=result.usage,
        finish_reason=result.finish_reason,
        session_version=result.session_version,
    )


def message_of(role: Any, text: str) -> Message:
    return Message(role=role, content=[ContentPart(text=text)])


def text_of(message: Message) -> str:
    return "".join(part.text for part in message.content)


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromNanoseconds(round(seconds * 1e9))
    return duration
