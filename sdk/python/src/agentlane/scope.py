"""One operation of a caller, over as many calls as it takes."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass
from typing import Mapping, Optional

import grpc

from agentlane.errors import AgentlaneError


@dataclass(frozen=True)
class RetryOptions:
    """Full jitter: uniform in [0, min(max_backoff, initial_backoff * multiplier^(n-1))]."""

    max_tries: int = 8
    """Tries in a row without progress, the first included: a server that restarts is waited for."""
    initial_backoff: float = 0.1
    """Seconds, as `max_backoff`."""
    multiplier: float = 2.0
    max_backoff: float = 5.0


DEFAULT_RETRY = RetryOptions()
ONCE = RetryOptions(max_tries=1)

# gRPC waits 100 ms before it connects again, then 1.6 times as long each time, ± 20 %. A call in
# between fails at once; the tries must not be used up by that.
_RECONNECT_WAIT = 0.12
_RECONNECT_GROWTH = 1.6


class Scope:
    """`timeout`: limit on the whole operation, in seconds. `closed`: the client is."""

    def __init__(
        self,
        timeout: Optional[float],
        headers: Optional[Mapping[str, str]],
        retry: RetryOptions,
        closed: threading.Event,
    ) -> None:
        self.metadata = tuple((headers or {}).items())
        self._retry = retry
        self._closed = closed
        self._ends_at = None if timeout is None else time.monotonic() + timeout

    def remaining(self) -> Optional[float]:
        """The timeout of the next call. Raises when there must not be one."""
        if self._closed.is_set():
            raise AgentlaneError("the client is closed", grpc.StatusCode.CANCELLED)
        if self._ends_at is None:
            return None
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise AgentlaneError("the deadline passed", grpc.StatusCode.DEADLINE_EXCEEDED)
        return left

    def delay(self, tries: int, error: AgentlaneError) -> Optional[float]:
        """Until the next try; None when there is none to be made. `tries`: those made so far."""
        retry = self._retry
        if not error.may_resend or tries >= retry.max_tries:
            return None
        # Bounded, because a float overflows with an error.
        steps = min(tries - 1, 50)
        bound = min(retry.max_backoff, retry.initial_backoff * retry.multiplier**steps)
        least = error.retry_after
        if least is None:
            reconnect = _RECONNECT_WAIT * _RECONNECT_GROWTH ** (steps - 1) if steps > 0 else 0.0
            least = min(retry.max_backoff, reconnect)
        delay = least + random.random() * bound
        if self._ends_at is not None and time.monotonic() + delay >= self._ends_at:
            return None
        return delay
