"""When and how long after a failure a call is sent again."""

import threading
import unittest
from typing import Any, Optional

import grpc

from agentlane import AgentlaneError, RetryOptions
from agentlane.scope import Scope

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
RESOURCE_EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED


def scope(timeout: Optional[float] = None, **retry: Any) -> Scope:
    return Scope(timeout, None, RetryOptions(**retry), threading.Event())


def error(code: grpc.StatusCode, **fields: Any) -> AgentlaneError:
    return AgentlaneError("no", code, **fields)


class ScopeTest(unittest.TestCase):
    def test_the_first_delay_is_jitter_up_to_the_initial_backoff(self) -> None:
        delays = [scope().delay(1, error(UNAVAILABLE)) or 0 for _ in range(200)]
        self.assertGreaterEqual(min(delays), 0)
        self.assertLessEqual(max(delays), 0.1)
        self.assertGreater(len(set(delays)), 100)

    def test_what_the_server_asks_for_is_the_least(self) -> None:
        for tries in (1, 2, 3):
            delay = scope().delay(tries, error(RESOURCE_EXHAUSTED, retry_after=1.5)) or 0
            self.assertGreaterEqual(delay, 1.5)
            self.assertLessEqual(delay, 1.5 + 0.1 * 2 ** (tries - 1))

    def test_a_delay_ends_at_its_bound(self) -> None:
        bounded = scope(max_tries=10_000, max_backoff=0.01)
        for tries in range(1, 5000):
            self.assertLessEqual(bounded.delay(tries, error(UNAVAILABLE)) or 0, 0.02)

    def test_no_delay_beyond_the_deadline(self) -> None:
        self.assertIsNone(scope(1).delay(1, error(RESOURCE_EXHAUSTED, retry_after=1.5)))

    def test_what_may_not_be_sent_again(self) -> None:
        for final in (
            error(RESOURCE_EXHAUSTED),
            error(UNAVAILABLE, task_id="t"),
            error(RESOURCE_EXHAUSTED, task_id="t", retry_after=1),
            error(grpc.StatusCode.FAILED_PRECONDITION),
            error(grpc.StatusCode.INVALID_ARGUMENT),
            error(grpc.StatusCode.DEADLINE_EXCEEDED),
        ):
            self.assertIsNone(scope().delay(1, final), final.code)

    def test_what_may_be_sent_again(self) -> None:
        for passing in (
            error(UNAVAILABLE),
            error(UNAVAILABLE, reason="WATCH_ENDED", task_id="t"),
            error(UNAVAILABLE, reason="WATCH_BROKEN", task_id="t"),
        ):
            self.assertIsNotNone(scope().delay(7, passing))
            self.assertIsNone(scope().delay(8, passing))

    def test_time_that_is_over_is_an_error(self) -> None:
        with self.assertRaises(AgentlaneError) as caught:
            scope(0).remaining()
        self.assertEqual(caught.exception.reason, "DEADLINE_EXCEEDED")


if __name__ == "__main__":
    unittest.main()
