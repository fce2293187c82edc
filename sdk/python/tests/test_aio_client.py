"""What the scenarios cannot see of the client for asyncio. test_client.py is its twin."""

import asyncio
import gc
import threading
import unittest
from typing import Any, Iterator, List

import grpc

from agentlane import AgentlaneError
from agentlane.aio import connect
from agentlane.v1 import (
    CancelTaskResponse,
    ExecuteResponse,
    GetTaskResponse,
    SubmitTaskResponse,
    Task,
    TaskResult,
)

from fake_server import FakeServer, refuse, said, state
from test_client import FAST, canceled, endless, watched


class AioClientTest(unittest.IsolatedAsyncioTestCase):
    async def test_an_event_is_yielded_once_whatever_is_sent_twice(self) -> None:
        def watch(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            if request.after_sequence == 0:
                yield from watched(
                    [state(1, "QUEUED", 0), state(2, "RUNNING"), said(5, "abc", 1, 2)]
                )
                refuse(context, grpc.StatusCode.ABORTED)
            yield from watched([said(4, "b"), said(5, "c"), said(6, "d"), state(7, "COMPLETED")])

        with FakeServer(WatchTask=watch) as server:
            async with connect(server.url, retry=FAST) as client:
                stream = client.watch("t")
                self.assertEqual([event.sequence async for event in stream], [1, 2, 5, 6, 7])
                self.assertEqual(stream.text, "abcd")
                self.assertEqual((await stream.final()).task_id, "t")
            self.assertEqual([it.after_sequence for it in server.requests("WatchTask")], [0, 5])

    async def test_a_stream_goes_on_where_it_was_with_the_same_key(self) -> None:
        def execute(_: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            if len(server.calls) == 2:
                yield said(1, "a")
            refuse(context, grpc.StatusCode.UNAVAILABLE)

        def watch(*_: Any) -> Iterator[Any]:
            return watched([state(2, "COMPLETED", 1, result=TaskResult())])

        with FakeServer(StreamExecute=execute, WatchTask=watch) as server:
            async with connect(server.url, retry=FAST) as client:
                await client.stream("a", "x").final()
            names = [name for name, _ in server.calls]
            self.assertEqual(names, ["StreamExecute", "StreamExecute", "WatchTask"])
            first, second = server.requests("StreamExecute")
            self.assertEqual(first, second)
            self.assertRegex(first.idempotency_key, "^[0-9a-f-]{36}$")

    async def test_the_output_of_a_failed_attempt_is_discarded(self) -> None:
        replies = [said(1, "wrong"), state(2, "RUNNING", 2), said(3, "right", 2)]

        def execute(*_: Any) -> Iterator[Any]:
            yield from [*replies, state(4, "COMPLETED", 2)]

        with FakeServer(StreamExecute=execute) as server:
            async with connect(server.url) as client:
                stream = client.stream("a", "x")
                restarts = [event.restarted async for event in stream]
            self.assertEqual(restarts, [False, True, False, False])
            self.assertEqual((stream.text, stream.restart_count), ("right", 1))

    async def test_a_stream_that_ends_without_an_end_is_a_broken_connection(self) -> None:
        def execute(*_: Any) -> Iterator[Any]:
            yield said(1, "a")

        def watch(*_: Any) -> Iterator[Any]:
            yield from ()

        with FakeServer(StreamExecute=execute, WatchTask=watch) as server:
            async with connect(server.url, retry=FAST) as client:
                with self.assertRaises(AgentlaneError) as caught:
                    await client.stream("a", "x").final()
            error = caught.exception
            self.assertEqual((error.code.name, error.task_id), ("UNAVAILABLE", "t"))
            self.assertEqual(len(server.requests("WatchTask")), 3)
            self.assertEqual(server.requests("CancelTask"), [])

    async def test_a_refusal_that_names_a_delay_is_waited_for_with_the_same_key(self) -> None:
        def submit(_: Any, context: grpc.ServicerContext) -> SubmitTaskResponse:
            if len(server.calls) < 3:
                refuse(
                    context,
                    grpc.StatusCode.RESOURCE_EXHAUSTED,
                    reason="QUEUE_FULL",
                    retry_after=0.001,
                )
            return SubmitTaskResponse(task=Task(task_id="t"))

        with FakeServer(SubmitTask=submit) as server:
            async with connect(server.url, retry=FAST) as client:
                self.assertEqual((await client.submit("a", "x")).task.task_id, "t")
            self.assertEqual(len({it.idempotency_key for it in server.requests("SubmitTask")}), 1)

    async def test_a_tasks_own_failure_is_not_sent_again(self) -> None:
        def execute(_: Any, context: grpc.ServicerContext) -> ExecuteResponse:
            refuse(context, grpc.StatusCode.UNAVAILABLE, reason="NO", task_id="t", retry_after=1)
            return ExecuteResponse()

        with FakeServer(Execute=execute) as server:
            async with connect(server.url, retry=FAST) as client:
                with self.assertRaises(AgentlaneError) as caught:
                    await client.execute("a", "x")
            error = caught.exception
            self.assertEqual((error.reason, error.task_id, error.retry_after), ("NO", "t", 1.0))
            self.assertEqual(len(server.calls), 1)

    async def test_a_redrive_is_sent_once(self) -> None:
        def redrive(_: Any, context: grpc.ServicerContext) -> None:
            refuse(context, grpc.StatusCode.UNAVAILABLE)

        with FakeServer(RedriveTasks=redrive) as server:
            async with connect(server.url, retry=FAST) as client:
                with self.assertRaises(AgentlaneError):
                    await client.redrive(["t"])
            self.assertEqual(len(server.calls), 1)

    async def test_a_reader_that_stops_cancels_the_task(self) -> None:
        async def leave_loop(client: Any) -> None:
            kept = client.stream("a", "x")
            async for _ in kept:
                break
            self.assertEqual(kept.last_sequence, 1)

        async def fail_in_loop(client: Any) -> None:
            with self.assertRaises(KeyError):
                async for _ in client.stream("a", "x"):
                    raise KeyError

        async def leave_block(client: Any) -> None:
            async with client.stream("a", "x") as stream:
                self.assertEqual((await stream.__aiter__().__anext__()).sequence, 1)

        async def drop(client: Any) -> None:
            reader = client.stream("a", "x").__aiter__()
            await reader.__anext__()
            del reader
            gc.collect()

        async def close_client(client: Any) -> None:
            reader = client.stream("a", "x").__aiter__()
            await reader.__anext__()
            await client.close()
            with self.assertRaises(AgentlaneError):
                await reader.__anext__()

        async def cancel_reader(client: Any) -> None:
            seen = asyncio.Event()

            async def read() -> None:
                async for event in client.stream("a", "x"):
                    if event.sequence == 2:
                        seen.set()

            reading = asyncio.ensure_future(read())
            await seen.wait()
            reading.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await reading

        for leave in (leave_loop, fail_in_loop, leave_block, drop, close_client, cancel_reader):
            with self.subTest(leave.__name__):
                with FakeServer(StreamExecute=endless, CancelTask=canceled) as server:
                    async with connect(server.url) as client:
                        await leave(client)
                    self.assertEqual([it.task_id for it in server.requests("CancelTask")], ["t"])

    async def test_another_task_closes_a_stream(self) -> None:
        with FakeServer(StreamExecute=endless, CancelTask=canceled) as server:
            async with connect(server.url) as client:
                stream = client.stream("a", "x")
                with self.assertRaises(AgentlaneError) as caught:
                    async for event in stream:
                        if event.sequence == 2:
                            closing = asyncio.ensure_future(stream.close())
                await closing
            self.assertEqual(caught.exception.reason, "CANCELED")
            self.assertEqual(len(server.requests("CancelTask")), 1)

    async def test_leaving_before_the_first_event_cancels_by_key_until_it_is_found(self) -> None:
        loop, started = asyncio.get_running_loop(), asyncio.Event()

        def execute(_: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            gone = threading.Event()
            context.add_callback(gone.set)
            loop.call_soon_threadsafe(started.set)
            gone.wait()
            yield from ()

        def cancel(_: Any, context: grpc.ServicerContext) -> CancelTaskResponse:
            if len(server.requests("CancelTask")) < 3:
                refuse(context, grpc.StatusCode.NOT_FOUND, reason="TASK_NOT_FOUND")
            return canceled()

        with FakeServer(StreamExecute=execute, CancelTask=cancel) as server:
            async with connect(server.url) as client:
                reading = asyncio.ensure_future(client.stream("a", "x").final())
                await started.wait()
                reading.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await reading
            key = server.requests("StreamExecute")[0].idempotency_key
            keys = [it.idempotency_key for it in server.requests("CancelTask")]
            self.assertEqual(keys, [key] * 3)

    async def test_a_watch_that_is_left_cancels_nothing(self) -> None:
        def watch(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            return (next(watched([it])) for it in endless(request, context))

        with FakeServer(WatchTask=watch) as server:
            async with connect(server.url) as client, client.watch("t") as stream:
                await stream.__aiter__().__anext__()
            self.assertEqual([name for name, _ in server.calls], ["WatchTask"])

    async def test_a_stream_that_nobody_reads_runs_nothing(self) -> None:
        with FakeServer() as server:
            async with connect(server.url) as client:
                async with client.stream("a", "x") as stream:
                    pass
                self.assertEqual([event async for event in stream], [])
            self.assertEqual(server.calls, [])

    async def test_giving_up_cancels_the_turn(self) -> None:
        loop, started = asyncio.get_running_loop(), asyncio.Event()

        def execute(_: Any, context: grpc.ServicerContext) -> ExecuteResponse:
            gone = threading.Event()
            context.add_callback(gone.set)
            loop.call_soon_threadsafe(started.set)
            gone.wait()
            return ExecuteResponse()

        with FakeServer(Execute=execute, CancelTask=canceled) as server:
            async with connect(server.url) as client:
                waiting = asyncio.ensure_future(client.execute("a", "x"))
                await started.wait()
                waiting.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await waiting
            key = server.requests("Execute")[0].idempotency_key
            keys = [it.idempotency_key for it in server.requests("CancelTask")]
            self.assertEqual(keys, [key])

    async def test_a_client_that_is_closed_cancels_none_of_its_callers(self) -> None:
        loop, started = asyncio.get_running_loop(), asyncio.Event()

        def get(_: Any, context: grpc.ServicerContext) -> GetTaskResponse:
            gone = threading.Event()
            context.add_callback(gone.set)
            loop.call_soon_threadsafe(started.set)
            gone.wait()
            return GetTaskResponse()

        with FakeServer(GetTask=get) as server:
            client = connect(server.url)
            waiting = asyncio.ensure_future(client.get_task("t"))
            await started.wait()
            await client.close()
            for call in (waiting, client.get_task("t")):
                with self.assertRaises(AgentlaneError) as caught:
                    await call
                self.assertEqual(caught.exception.code, grpc.StatusCode.CANCELLED)

    async def test_a_deadline_is_that_of_all_connections_and_cancels_nothing(self) -> None:
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
            async with connect(server.url, retry=FAST) as client:
                with self.assertRaises(AgentlaneError) as caught:
                    await client.stream("a", "x", timeout=2).final()
            error = caught.exception
            self.assertEqual((error.reason, error.task_id), ("DEADLINE_EXCEEDED", "t"))
            self.assertLess(left[1], left[0])
            self.assertEqual(server.requests("CancelTask"), [])

    async def test_calls_carry_the_key_the_clients_headers_and_their_own(self) -> None:
        seen: List[Any] = []

        def get(_: Any, context: grpc.ServicerContext) -> GetTaskResponse:
            seen.extend(tuple(pair) for pair in context.invocation_metadata())
            return GetTaskResponse(task=Task(task_id="t"))

        headers = {"X-Team": "blue", "x-both": "client"}
        with FakeServer(GetTask=get) as server:
            async with connect(server.url, api_key="secret", headers=headers) as client:
                await client.get_task("t", headers={"x-both": "call"})
        self.assertIn(("authorization", "Bearer secret"), seen)
        self.assertIn(("x-team", "blue"), seen)
        self.assertEqual([value for name, value in seen if name == "x-both"], ["call"])

    async def test_a_server_that_is_not_there_is_unavailable(self) -> None:
        async with connect("http://127.0.0.1:1", retry=FAST) as client:
            with self.assertRaises(AgentlaneError) as caught:
                await client.execute("a", "x")
        error = caught.exception
        self.assertEqual(
            (error.code.name, error.retryable, error.task_id), ("UNAVAILABLE", True, None)
        )


if __name__ == "__main__":
    unittest.main()
