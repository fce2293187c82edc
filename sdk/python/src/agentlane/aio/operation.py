"""A scope whose calls are awaited."""

from __future__ import annotations

import asyncio
from typing import TypeVar, Union

import grpc

from agentlane.errors import AgentlaneError
from agentlane.scope import Scope

Request = TypeVar("Request")
Answer = TypeVar("Answer")
Cause = Union[AgentlaneError, grpc.RpcError]


class Operation(Scope):
    def error(self, cause: Cause) -> AgentlaneError:
        """What the caller is told of a failure."""
        return cause if isinstance(cause, AgentlaneError) else AgentlaneError.of_call(cause)

    async def pause(self, tries: int, error: AgentlaneError) -> bool:
        """Until the next try; False when there is none to be made."""
        delay = self.delay(tries, error)
        if delay is not None:
            await asyncio.sleep(delay)
        return delay is not None

    async def repeat(
        self, call: grpc.aio.UnaryUnaryMultiCallable[Request, Answer], request: Request
    ) -> Answer:
        """Repeats a call that changes nothing when it is repeated."""
        tries = 0
        while True:
            tries += 1
            try:
                return await call(request, timeout=self.remaining(), metadata=self.metadata)
            except asyncio.CancelledError:
                # Closing the channel cancels its calls, which is no wish of the caller's.
                if self._closed.is_set():
                    self.remaining()
                raise
            except (AgentlaneError, grpc.RpcError) as cause:
                error = self.error(cause)
                if not await self.pause(tries, error):
                    raise error from (None if error is cause else cause)
