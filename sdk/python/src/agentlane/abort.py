"""Giving up a call that blocks, from another thread; with asyncio a task is canceled instead."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import Callable, Iterator, Set


class AbortSignal:
    """Gives up the operations that it was handed to; a turn that they run is canceled."""

    def __init__(self) -> None:
        self._aborted = threading.Event()
        self._lock = threading.Lock()
        self._cancels: Set[Callable[[], object]] = set()

    def abort(self) -> None:
        """From any thread, any number of times."""
        with self._lock:
            self._aborted.set()
            cancels = list(self._cancels)
        for cancel in cancels:
            cancel()

    @property
    def aborted(self) -> bool:
        return self._aborted.is_set()

    def sleep(self, seconds: float) -> None:
        """Ends early when it is aborted."""
        self._aborted.wait(seconds)

    @contextmanager
    def cancels(self, cancel: Callable[[], object]) -> Iterator[None]:
        """Calls `cancel` when it is aborted meanwhile, or is already."""
        with self._lock:
            self._cancels.add(cancel)
        try:
            if self.aborted:
                cancel()
            yield
        finally:
            with self._lock:
                self._cancels.discard(cancel)
