"""What the scenarios cannot see of the blocking client. test_aio_client.py is its twin."""

import gc
import os
import pickle
import signal
import sys
import threading
import unittest
from typing import Any, Callable, Iterator, List, Optional, Type

import grpc

from agentlane import AbortSignal, AgentlaneError, RetryOptions, TlsOptions, connect
from agentlane.v1 import (
    CancelTaskResponse,
    ExecuteResponse,
    GetTaskResponse,
    SubmitTaskResponse,
    Task,
    TaskResult,
    WatchTaskResponse,
)

from fake_server import FakeServer, refuse, said, state

FAST = RetryOptions(max_tries=3, initial_backoff=0.001, max_backoff=0.002)


def watched(replies: List[Any]) -> Iterator[WatchTaskResponse]:
    """The messages have the same fields and numbers."""
    for reply in replies:
        yield WatchTaskResponse.FromString(reply.SerializeToString())


def endless(_: Any, context: grpc.ServicerContext) -> Iterator[Any]:
    """Two events, and then nothing until the client goes away."""
    gone = threading.Event()
    context.add_callback(gone.set)
    yield state(1, "QUEUED", 0)
    yield said(2, "one")
    gone.wait()


def canceled(*_: Any) -> CancelTaskResponse:
    return CancelTaskResponse(task=Task(task_id="t"))


def is_waiting(thread: threading.Thread) -> bool:
    frame = sys._current_frames().get(thread.ident or 0)
    names = []
    while frame:
        names.append(frame.f_code.co_name)
        frame = frame.f_back
    return "wait" in names and "result" in names


class ClientTest(unittest.TestCase):
    def test_an_event_is_yielded_once_whatever_is_sent_twice(self) -> None:
        def watch(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            if request.after_sequence == 0:
                yield from watched(
                    [state(1, "QUEUED", 0), state(2, "RUNNING"), said(5, "abc", 1, 2)]
                )
                refuse(context, grpc.StatusCode.ABORTED)
            yield from watched([said(4, "b"), said(5, "c"), said(6, "d"), state(7, "COMPLETED")])

        with FakeServer(WatchTask=watch) as server, connect(server.url, retry=FAST) as client:
            stream = client.watch("t")
            self.assertEqual([event.sequence for event in stream], [1, 2, 5, 6, 7])
            self.assertEqual(stream.text, "abcd")
            self.assertEqual(stream.final().task_id, "t")
            self.assertEqual([it.after_sequence for it in server.requests("WatchTask")], [0, 5])

    def test_a_stream_goes_on_where_it_was_with_the_same_key(self) -> None:
        def execute(_: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            if len(server.calls) == 2:
                yield said(1, "a")
            refuse(context, grpc.StatusCode.UNAVAILABLE)

        def watch(*_: Any) -> Iterator[Any]:
            return watched([state(2, "COMPLETED", 1, result=TaskResult())])

        with FakeServer(StreamExecute=execute, WatchTask=watch) as server:
            with connect(server.url, retry=FAST) as client:
                client.stream("a", "x").final()
            names = [name for name, _ in server.calls]
            self.assertEqual(names, ["StreamExecute", "StreamExecute", "WatchTask"])
            first, second = server.requests("StreamExecute")
            self.assertEqual(first, second)
            self.assertRegex(first.idempotency_key, "^[0-9a-f-]{36}$")

    def test_the_output_of_a_failed_attempt_is_discarded(self) -> None:
        replies = [said(1, "wrong"), state(2, "RUNNING", 2), said(3, "right", 2)]

        def execute(*_: Any) -> Iterator[Any]:
            yield from [*replies, state(4, "COMPLETED", 2)]

        with FakeServer(StreamExecute=execute) as server, connect(server.url) as client:
            stream = client.stream("a", "x")
            self.assertEqual([it.restarted for it in stream], [False, True, False, False])
            self.assertEqual((stream.text, stream.restart_count), ("right", 1))

    def test_a_stream_that_ends_without_an_end_is_a_broken_connection(self) -> None:
        def execute(*_: Any) -> Iterator[Any]:
            yield said(1, "a")

        def watch(*_: Any) -> Iterator[Any]:
            yield from ()

        with FakeServer(StreamExecute=execute, WatchTask=watch) as server:
            with connect(server.url, retry=FAST) as client:
                with self.assertRaises(AgentlaneError) as caught:
                    client.stream("a", "x").final()
            error = caught.exception
            self.assertEqual((error.code.name, error.task_id), ("UNAVAILABLE", "t"))
            self.assertEqual(len(server.requests("WatchTask")), 3)
            self.assertEqual(server.requests("CancelTask"), [])

    def test_a_refusal_that_names_a_delay_is_waited_for_with_the_same_key(self) -> None:
        def submit(_: Any, context: grpc.ServicerContext) -> SubmitTaskResponse:
            if len(server.calls) < 3:
                refuse(
                    context,
                    grpc.StatusCode.RESOURCE_EXHAUSTED,
                    reason="QUEUE_FULL",
                    retry_after=0.001,
                )
            return SubmitTaskResponse(task=Task(task_id="t"))

        with FakeServer(SubmitTask=submit) as server, connect(server.url, retry=FAST) as client:
            self.assertEqual(client.submit("a", "x").task.task_id, "t")
            self.assertEqual(len({it.idempotency_key for it in server.requests("SubmitTask")}), 1)

    def test_a_tasks_own_failure_is_not_sent_again(self) -> None:
        def execute(_: Any, context: grpc.ServicerContext) -> ExecuteResponse:
            refuse(context, grpc.StatusCode.UNAVAILABLE, reason="NO", task_id="t", retry_after=1)
            return ExecuteResponse()

        with FakeServer(Execute=execute) as server, connect(server.url, retry=FAST) as client:
            with self.assertRaises(AgentlaneError) as caught:
                client.execute("a", "x")
            error = caught.exception
            self.assertEqual((error.reason, error.task_id, error.retry_after), ("NO", "t", 1.0))
            self.assertEqual(len(server.calls), 1)

    def test_a_redrive_is_sent_once(self) -> None:
        def redrive(_: Any, context: grpc.ServicerContext) -> None:
            refuse(context, grpc.StatusCode.UNAVAILABLE)

        with FakeServer(RedriveTasks=redrive) as server, connect(server.url, retry=FAST) as client:
            self.assertRaises(AgentlaneError, client.redrive, ["t"])
            self.assertEqual(len(server.calls), 1)

    def test_a_reader_that_stops_cancels_the_task(self) -> None:
        def leave_loop(client: Any) -> None:
            kept = client.stream("a", "x")
            for _ in kept:
                break
            self.assertEqual(kept.last_sequence, 1)
            self.assertRaises(AgentlaneError, kept.final)

        def fail_in_loop(client: Any) -> None:
            with self.assertRaises(KeyError):
                for _ in client.stream("a", "x"):
                    raise KeyError

        def leave_block(client: Any) -> None:
            with client.stream("a", "x") as stream:
                self.assertEqual(next(iter(stream)).sequence, 1)

        def drop(client: Any) -> None:
            reader = iter(client.stream("a", "x"))
            next(reader)
            del reader
            gc.collect()

        def close_client(client: Any) -> None:
            reader = iter(client.stream("a", "x"))
            next(reader)
            client.close()
            self.assertRaises(AgentlaneError, next, reader)

        for leave in (leave_loop, fail_in_loop, leave_block, drop, close_client):
            with self.subTest(leave.__name__):
                with FakeServer(StreamExecute=endless, CancelTask=canceled) as server:
                    with connect(server.url) as client:
                        leave(client)
                    self.assertEqual([it.task_id for it in server.requests("CancelTask")], ["t"])

    def test_another_thread_closes_a_stream(self) -> None:
        with FakeServer(StreamExecute=endless, CancelTask=canceled) as server:
            with connect(server.url) as client:
                stream = client.stream("a", "x")
                with self.assertRaises(AgentlaneError) as caught:
                    for event in stream:
                        if event.sequence == 2:
                            threading.Thread(target=stream.close).start()
            self.assertEqual(caught.exception.reason, "CANCELED")
            self.assertEqual(len(server.requests("CancelTask")), 1)

    def test_leaving_before_the_first_event_cancels_by_key_until_it_is_found(self) -> None:
        abort = AbortSignal()

        def execute(_: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            gone = threading.Event()
            context.add_callback(gone.set)
            abort.abort()
            gone.wait()
            yield from ()

        def cancel(_: Any, context: grpc.ServicerContext) -> CancelTaskResponse:
            if len(server.requests("CancelTask")) < 3:
                refuse(context, grpc.StatusCode.NOT_FOUND, reason="TASK_NOT_FOUND")
            return canceled()

        with FakeServer(StreamExecute=execute, CancelTask=cancel) as server:
            with connect(server.url) as client, self.assertRaises(AgentlaneError) as caught:
                client.stream("a", "x", abort=abort).final()
            self.assertEqual(caught.exception.code, grpc.StatusCode.CANCELLED)
            key = server.requests("StreamExecute")[0].idempotency_key
            keys = [it.idempotency_key for it in server.requests("CancelTask")]
            self.assertEqual(keys, [key] * 3)

    def test_a_watch_that_is_left_cancels_nothing(self) -> None:
        def watch(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            return (next(watched([it])) for it in endless(request, context))

        with FakeServer(WatchTask=watch) as server:
            with connect(server.url) as client, client.watch("t") as stream:
                next(iter(stream))
            self.assertEqual([name for name, _ in server.calls], ["WatchTask"])

    def test_a_stream_that_nobody_reads_runs_nothing(self) -> None:
        with FakeServer() as server, connect(server.url) as client:
            with client.stream("a", "x") as stream:
                pass
            self.assertEqual(list(stream), [])
            self.assertEqual(server.calls, [])

    def test_giving_up_cancels_the_turn(self) -> None:
        abort = AbortSignal()
        self._give_up(abort.abort, abort, AgentlaneError)

    def test_so_does_ctrl_c(self) -> None:
        def interrupt() -> None:
            # gRPC takes it well while it waits, not while it makes the call.
            while not is_waiting(threading.main_thread()):
                pass
            os.kill(os.getpid(), signal.SIGINT)

        self._give_up(interrupt, None, KeyboardInterrupt)

    def _give_up(
        self, act: Callable[[], None], abort: Optional[AbortSignal], error: Type[BaseException]
    ) -> None:
        def execute(_: Any, context: grpc.ServicerContext) -> ExecuteResponse:
            gone = threading.Event()
            context.add_callback(gone.set)
            act()
            gone.wait()
            return ExecuteResponse()

        with FakeServer(Execute=execute, CancelTask=canceled) as server:
            with connect(server.url) as client, self.assertRaises(error):
                client.execute("a", "x", abort=abort)
            key = server.requests("Execute")[0].idempotency_key
            keys = [it.idempotency_key for it in server.requests("CancelTask")]
            self.assertEqual(keys, [key])

    def test_a_deadline_is_that_of_all_connections_and_cancels_nothing(self) -> None:
        left: List[float] = []

        def execute(_: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            left.append(context.time_remaining())
            yield said(1, "a")
            refuse(context, grpc.StatusCode.UNAVAILABLE, reason="BUSY", retry_after=0.1)

        def watch(_: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            left.append(context.time_remaining())
            gone = threading.Event()
            context.add_callback(gone.set)
            gone.wait()
            yield from ()

        with FakeServer(StreamExecute=execute, WatchTask=watch) as server:
            with connect(server.url, retry=FAST) as client:
                with self.assertRaises(AgentlaneError) as caught:
                    client.stream("a", "x", timeout=2).final()
            error = caught.exception
            self.assertEqual((error.reason, error.task_id), ("DEADLINE_EXCEEDED", "t"))
            self.assertLess(left[1], left[0])
            self.assertEqual(server.requests("CancelTask"), [])

    def test_a_deadline_that_the_task_has_passed_is_the_error(self) -> None:
        end = state(
            1, "FAILED", 1, error={"code": 4, "reason": "DEADLINE_EXCEEDED", "message": "late"}
        )

        def execute(*_: Any) -> Iterator[Any]:
            yield end

        with FakeServer(StreamExecute=execute) as server, connect(server.url) as client:
            with self.assertRaises(AgentlaneError) as caught:
                client.stream("a", "x").final()
            self.assertEqual(caught.exception.code, grpc.StatusCode.DEADLINE_EXCEEDED)

    def test_calls_carry_the_key_the_clients_headers_and_their_own(self) -> None:
        seen: List[Any] = []

        def get(_: Any, context: grpc.ServicerContext) -> GetTaskResponse:
            seen.extend(tuple(pair) for pair in context.invocation_metadata())
            return GetTaskResponse(task=Task(task_id="t"))

        headers = {"X-Team": "blue", "x-both": "client"}
        with FakeServer(GetTask=get) as server:
            with connect(server.url, api_key="secret", headers=headers) as client:
                client.get_task("t", headers={"x-both": "call"})
        self.assertIn(("authorization", "Bearer secret"), seen)
        self.assertIn(("x-team", "blue"), seen)
        self.assertEqual([value for name, value in seen if name == "x-both"], ["call"])

    def test_a_server_that_is_not_there_is_unavailable(self) -> None:
        with connect("http://127.0.0.1:1", retry=FAST) as client:
            with self.assertRaises(AgentlaneError) as caught:
                client.execute("a", "x")
        error = caught.exception
        self.assertEqual(
            (error.code.name, error.retryable, error.task_id), ("UNAVAILABLE", True, None)
        )
        self.assertRaises(AgentlaneError, client.get_task, "t")

    def test_only_urls_of_http(self) -> None:
        for url in ("localhost:50051", "grpc://localhost", "https://"):
            self.assertRaises(ValueError, connect, url)
        self.assertRaises(ValueError, connect, "http://localhost", tls=TlsOptions())

    def test_an_error_survives_the_way_between_processes(self) -> None:
        error = AgentlaneError(
            "no", grpc.StatusCode.NOT_FOUND, reason="R", task_id="t", retry_after=1
        )
        copy = pickle.loads(pickle.dumps(error))
        self.assertEqual((str(copy), copy.__dict__), (str(error), error.__dict__))


if __name__ == "__main__":
    unittest.main()
