"""A task's log as one iterable, over as many connections as it takes."""

from __future__ import annotations

import threading
import weakref
from typing import Any, Callable, Iterator, Optional, Set

import grpc

from agentlane.calls import ended_early, was_left
from agentlane.errors import AgentlaneError
from agentlane.operation import Cause, Operation
from agentlane.task_log import StreamEvent, TaskLog
from agentlane.turn import TurnResult


class TurnStream(TaskLog):
    """
    To be read once. Leaving the loop ends the call and cancels a turn that it runs; so does the end
    of a `with` block, also where a generator is not disposed of at once (PyPy).
    """

    def __init__(
        self,
        operation: Operation,
        open_call: Callable[[str, int], Any],
        leave: Optional[Callable[[str], None]],
        streams: Set[TurnStream],
        task_id: str = "",
        after_sequence: int = 0,
    ) -> None:
        """
        `open_call`: after a sequence; the task is empty before the first event. `leave`: the reader
        stopped before the end; None for a watch, for which a task that fails is no error, too.
        """
        super().__init__(task_id, after_sequence)
        self._operation = operation
        self._open_call = open_call
        self._leave = leave
        self._streams = streams
        self._reader: Callable[[], Optional[Iterator[StreamEvent]]] = lambda: None
        self._call: Any = None
        self._is_begun = False
        self._is_over = False
        self._is_closed = False
        self._closing = threading.RLock()

    def __iter__(self) -> Iterator[StreamEvent]:
        reader = self._reader()
        if reader is None:
            reader = self._read()
            # Only a loop holds it: it is closed when the loop is left.
            self._reader = weakref.ref(reader)
        return reader

    def __enter__(self) -> TurnStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def final(self) -> TurnResult:
        """Reads what is left, and answers with the result."""
        for _ in self:
            pass
        return self._result()

    def close(self) -> None:
        """Leaves the stream, from any thread; nothing when it is at its end."""
        # A second one waits for the first: the client closes its channel then.
        with self._closing:
            if self._is_closed:
                return
            self._is_closed = True
            if self._call is not None:
                self._call.cancel()
            try:
                if self._leave and self._is_begun and not self._is_over and not self._end:
                    self._leave(self.task_id)
            finally:
                self._streams.discard(self)

    def _read(self) -> Iterator[StreamEvent]:
        if self._is_begun or self._is_closed:
            return
        self._is_begun = True
        self._streams.add(self)
        with self:
            tries = 0
            while True:
                tries += 1
                cause: Cause = ended_early()
                try:
                    self._call = self._open()
                    with self._operation.abort.cancels(self._call.cancel):
                        for reply in self._call:
                            event = self._take(reply)
                            if event:
                                tries = 0
                                yield event
                except (AgentlaneError, grpc.RpcError) as error:
                    cause = error
                if self._is_closed:
                    raise was_left()
                if self._end:
                    break
                self._pause(tries, cause)
        failure = self._failure() if self._leave else None
        if failure:
            raise failure

    def _open(self) -> Any:
        if self._is_closed:
            raise was_left()
        call = self._open_call(self.task_id, self.last_sequence)
        # Another thread may have closed the stream meanwhile, and not have seen the call.
        if self._is_closed:
            call.cancel()
        return call

    def _pause(self, tries: int, cause: Cause) -> None:
        error = self._operation.error(cause)
        if self._operation.pause(max(tries, 1), error):
            return
        # Otherwise the task goes on, and the caller may want to come back to it.
        self._is_over = not self._operation.abort.aborted
        error.task_id = error.task_id or self.task_id or None
        raise error from (None if error is cause else cause)
