"""A task's log as one asynchronous iterable, over as many connections as it takes."""

from __future__ import annotations

import asyncio
import weakref
from typing import Any, AsyncIterator, Awaitable, Callable, Optional, Set

import grpc

from agentlane.aio.operation import Cause, Operation
from agentlane.calls import ended_early, was_left
from agentlane.errors import AgentlaneError
from agentlane.task_log import StreamEvent, TaskLog
from agentlane.turn import TurnResult


class TurnStream(TaskLog):
    """
    To be read once. Leaving the loop ends the call, and cancels a turn that it runs: soon after, or
    at once with `async with`.
    """

    def __init__(
        self,
        operation: Operation,
        open_call: Callable[[str, int], Any],
        leave: Optional[Callable[[str], Awaitable[None]]],
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
        self._reader: Callable[[], Optional[AsyncIterator[StreamEvent]]] = lambda: None
        self._call: Any = None
        self._is_begun = False
        self._is_over = False
        self._is_closed = False

    def __aiter__(self) -> AsyncIterator[StreamEvent]:
        reader = self._reader()
        if reader is None:
            reader = self._read()
            # Only a loop holds it: it is closed when the loop is left.
            self._reader = weakref.ref(reader)
        return reader

    async def __aenter__(self) -> TurnStream:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def final(self) -> TurnResult:
        """Reads what is left, and answers with the result."""
        async for _ in self:
            pass
        return self._result()

    async def close(self) -> None:
        """Leaves the stream; nothing when it is at its end."""
        if self._is_closed:
            return
        self._is_closed = True
        self._streams.discard(self)
        if self._call is not None:
            self._call.cancel()
        if self._leave and self._is_begun and not self._is_over and not self._end:
            await self._leave(self.task_id)

    async def _read(self) -> AsyncIterator[StreamEvent]:
        if self._is_begun or self._is_closed:
            return
        self._is_begun = True
        self._streams.add(self)
        async with self:
            tries = 0
            while True:
                tries += 1
                cause: Cause = ended_early()
                try:
                    self._call = self._open_call(self.task_id, self.last_sequence)
                    async for reply in self._call:
                        event = self._take(reply)
                        if event:
                            tries = 0
                            yield event
                except asyncio.CancelledError:
                    # Another task's close cancels the call, which is no wish of this one's.
                    if not self._is_closed:
                        raise
                except (AgentlaneError, grpc.RpcError) as error:
                    cause = error
                if self._is_closed:
                    raise was_left()
                if self._end:
                    break
                await self._pause(tries, cause)
                if self._is_closed:
                    raise was_left()
        failure = self._failure() if self._leave else None
        if failure:
            raise failure

    async def _pause(self, tries: int, cause: Cause) -> None:
        error = self._operation.error(cause)
        if await self._operation.pause(max(tries, 1), error):
            return
        # The task goes on, and the caller may want to come back to it.
        self._is_over = True
        error.task_id = error.task_id or self.task_id or None
        raise error from (None if error is cause else cause)
