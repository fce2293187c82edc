"""What has been read of a task's log, over however many connections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Protocol

import grpc

from agentlane.errors import AgentlaneError
from agentlane.turn import TurnResult, result_of
from agentlane.v1 import (
    TASK_STATE_CANCELED,
    TASK_STATE_COMPLETED,
    TASK_STATE_FAILED,
    TASK_STATE_INPUT_REQUIRED,
    TaskEvent,
    TaskState,
    TaskStateChange,
)

_FAILURES = (TASK_STATE_FAILED, TASK_STATE_CANCELED)
_TERMINAL = (TASK_STATE_COMPLETED, TASK_STATE_INPUT_REQUIRED, *_FAILURES)


@dataclass(frozen=True)
class StreamEvent:
    task_id: str
    attempt: int
    """0 before the first."""
    sequence: int
    """Dense from 1, each once; a merged event stands for the `merged_count` ones before it too."""
    merged_count: int
    event: TaskEvent
    text: str
    """What it adds to the answer; "" for all but chunks."""
    restarted: bool
    """A further attempt begins: what the ones before it said is void."""


class Reply(Protocol):
    """A StreamExecuteResponse or a WatchTaskResponse."""

    task_id: str
    attempt: int
    sequence: int
    merged_count: int

    @property
    def event(self) -> TaskEvent: ...


class TaskLog:
    def __init__(self, task_id: str, after_sequence: int) -> None:
        self.task_id = task_id
        """Empty before the first event."""
        self.last_sequence = after_sequence
        self.restart_count = 0
        self._attempt = 0
        self._texts: List[str] = []
        self._end: Optional[TaskStateChange] = None

    @property
    def text(self) -> str:
        """The answer so far, of the current attempt."""
        return "".join(self._texts)

    @property
    def state(self) -> Optional[TaskState]:
        """The terminal state, once it is known."""
        return self._end.state if self._end else None

    def _take(self, reply: Reply) -> Optional[StreamEvent]:
        """None for what has been seen already."""
        if reply.sequence <= self.last_sequence:
            return None
        event, kind = reply.event, reply.event.WhichOneof("kind")
        restarted = 0 < self._attempt < reply.attempt
        if restarted:
            self.restart_count += 1
            self._texts.clear()
        choices = event.chunk.choices if kind == "chunk" else ()
        text = choices[0].delta.content if choices else ""
        if text:
            self._texts.append(text)
        self.task_id = reply.task_id
        self.last_sequence = reply.sequence
        self._attempt = max(self._attempt, reply.attempt)
        # After a terminal event there are others when the task was redriven.
        is_end = kind == "state_change" and event.state_change.state in _TERMINAL
        self._end = event.state_change if is_end else None
        return StreamEvent(
            task_id=reply.task_id,
            attempt=reply.attempt,
            sequence=reply.sequence,
            merged_count=reply.merged_count,
            event=event,
            text=text,
            restarted=restarted,
        )

    def _failure(self) -> Optional[AgentlaneError]:
        """Why the task ended without a result."""
        if self._end and self._end.state in _FAILURES:
            return AgentlaneError.of_task(self.task_id, self._end.error)
        return None

    def _result(self) -> TurnResult:
        failure = self._failure()
        if failure:
            raise failure
        if not self._end:
            raise AgentlaneError("the stream was left", grpc.StatusCode.CANCELLED)
        return result_of(self.task_id, self._end.state, self._end.result)
