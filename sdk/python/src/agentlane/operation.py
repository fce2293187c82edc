"""A scope whose calls block; agentlane.aio has its twin."""

from __future__ import annotations

import threading
from typing import Mapping, Optional, TypeVar, Union

import grpc

from agentlane.abort import AbortSignal
from agentlane.calls import gave_up
from agentlane.errors import AgentlaneError
from agentlane.scope import RetryOptions, Scope

Request = TypeVar("Request")
Answer = TypeVar("Answer")
Cause = Union[AgentlaneError, grpc.RpcError, grpc.FutureCancelledError]


class Operation(Scope):
    def __init__(
        self,
        timeout: Optional[float],
        headers: Optional[Mapping[str, str]],
        retry: RetryOptions,
        closed: threading.Event,
        abort: Optional[AbortSignal],
    ) -> None:
        super().__init__(timeout, headers, retry, closed)
        self.abort = abort or AbortSignal()

    def remaining(self) -> Optional[float]:
        if self.abort.aborted:
            raise gave_up()
        return super().remaining()

    def error(self, cause: Cause) -> AgentlaneError:
        """What the caller is told of a failure."""
        if self.abort.aborted or isinstance(cause, grpc.FutureCancelledError):
            return gave_up()
        return cause if isinstance(cause, AgentlaneError) else AgentlaneError.of_call(cause)

    def pause(self, tries: int, error: AgentlaneError) -> bool:
        """Until the next try; False when there is none to be made."""
        delay = self.delay(tries, error)
        if delay is not None:
            self.abort.sleep(delay)
        return delay is not None

    def repeat(
        self, call: grpc.UnaryUnaryMultiCallable[Request, Answer], request: Request
    ) -> Answer:
        """Repeats a call that changes nothing when it is repeated."""
        tries = 0
        while True:
            tries += 1
            try:
                return self._once(call, request)
            except (AgentlaneError, grpc.RpcError, grpc.FutureCancelledError) as cause:
                error = self.error(cause)
                if not self.pause(tries, error):
                    raise error from (None if error is cause else cause)

    def _once(
        self, call: grpc.UnaryUnaryMultiCallable[Request, Answer], request: Request
    ) -> Answer:
        future = call.future(request, timeout=self.remaining(), metadata=self.metadata)
        try:
            with self.abort.cancels(future.cancel):
                return future.result()
        finally:
            # After Ctrl-C it goes on otherwise.
            future.cancel()
