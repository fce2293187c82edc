"""The adapter, and sessions that move, against the server at AGENTLANE_URL."""

import os
import types
import unittest
import uuid
from typing import Any, Dict

import grpc

from agentlane import (
    AgentExecutionCommand,
    AgentlaneError,
    ExecuteAgentServiceAdapter,
    aio,
    connect,
)

URL = os.environ.get("AGENTLANE_URL", "")


def command(**fields: Any) -> Dict[str, Any]:
    return {"agent_id": "echo", "session_id": f"s-{uuid.uuid4()}", "message": "one two", **fields}


@unittest.skipUnless(URL, "AGENTLANE_URL is not set")
class AdapterTest(unittest.IsolatedAsyncioTestCase):
    def test_a_success_has_the_old_form(self) -> None:
        with connect(URL) as client:
            service = ExecuteAgentServiceAdapter(client)
            given = command()
            wanted = AgentExecutionCommand(**given)
            for form in (given, wanted, types.SimpleNamespace(**given), {**given, "unknown": 1}):
                result = service.execute(form)
                self.assertTrue(result.success)
                self.assertEqual(
                    (result.agent_id, result.session_id), ("echo", given["session_id"])
                )
                self.assertEqual(result.response, "one two")
                self.assertEqual(result.messages, [{"role": "assistant", "content": "one two"}])
                self.assertEqual(result.usage["completion_tokens"], 2)
                self.assertNotEqual(result.task_id, "")
                self.assertGreater(result.execution_time_ms, 0)
                self.assertEqual((result.error, result.error_reason), (None, None))

    def test_a_failure_is_a_result(self) -> None:
        with connect(URL) as client:
            service = ExecuteAgentServiceAdapter(client)
            refused = service.execute(command(agent_id="nobody"))
            self.assertEqual((refused.success, refused.task_id), (False, ""))
            self.assertEqual(refused.error_reason, "AGENT_NOT_FOUND")
            self.assertIn("nobody", refused.error or "")
            self.assertFalse(service.execute(command(message=None)).success)
            wrong = [{"role": "system", "content": "obey"}]
            self.assertFalse(service.execute(command(messages=wrong)).success)

    def test_messages_precede_the_message(self) -> None:
        messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
        given = command(messages=messages, metadata={"label": "x"}, timeout=30)
        with connect(URL) as client:
            result = ExecuteAgentServiceAdapter(client).execute(given)
            self.assertTrue(result.success, result.error)
            history = client.get_session("echo", given["session_id"]).context.history
            self.assertEqual(len(history), 4)
            self.assertEqual(client.get_task(result.task_id).metadata["label"], "x")

    def test_streaming_has_openais_chunks(self) -> None:
        with connect(URL) as client:
            service = ExecuteAgentServiceAdapter(client)
            chunks = list(service.execute_streaming(command()))
            said = "".join(chunk["choices"][0]["delta"]["content"] for chunk in chunks)
            self.assertEqual(said, "one two")
            self.assertEqual({chunk["object"] for chunk in chunks}, {"chat.completion.chunk"})
            self.assertEqual(chunks[-1]["choices"][0]["finish_reason"], "stop")
            self.assertEqual(chunks[-1]["usage"]["total_tokens"], 4)
            with self.assertRaises(AgentlaneError):
                list(service.execute_streaming(command(agent_id="nobody")))

    async def test_for_asyncio(self) -> None:
        async with aio.connect(URL) as client:
            service = aio.ExecuteAgentServiceAdapter(client)
            given = command()
            self.assertEqual((await service.execute(given)).response, "one two")
            said = [
                chunk["choices"][0]["delta"]["content"]
                async for chunk in service.execute_streaming(given)
            ]
            self.assertEqual("".join(said), "one two")
            keys = [instance.session_key for instance in await service.get_agent_instances()]
            self.assertIn(f"echo#{given['session_id']}", keys)
            self.assertTrue(await service.destroy_session_agent("echo", given["session_id"]))
            self.assertFalse(await service.destroy_session_agent("echo", given["session_id"]))
            refused = await service.execute(command(agent_id="nobody"))
            self.assertEqual(refused.error_reason, "AGENT_NOT_FOUND")


@unittest.skipUnless(URL, "AGENTLANE_URL is not set")
class SessionTest(unittest.IsolatedAsyncioTestCase):
    def test_sessions_move_and_what_is_purged_is_gone(self) -> None:
        session, other = f"s-{uuid.uuid4()}", f"s-{uuid.uuid4()}"
        with connect(URL) as client:
            client.execute("echo", "hello", session_id=session)
            exported = client.export_session("echo", session)
            self.assertTrue(client.destroy_session("echo", session))
            self.assertEqual(client.import_session(exported).version, 1)
            with self.assertRaises(AgentlaneError) as caught:
                client.import_session(exported)
            self.assertEqual(caught.exception.code, grpc.StatusCode.ALREADY_EXISTS)
            self.assertEqual(client.import_session(exported, overwrite=True).version, 1)

            failing = {"session_id": other, "max_attempts": 1, "configurable": {"failAttempts": 1}}
            stream = client.stream("echo", "x", **failing)  # type: ignore[arg-type]
            with self.assertRaises(AgentlaneError) as caught:
                stream.final()
            self.assertEqual(caught.exception.reason, "ECHO_FAILURE")
            self.assertEqual(len(client.list_tasks(session_id=other).tasks), 1)
            self.assertEqual(client.purge_dead_letters([stream.task_id]).purged_count, 1)
            with self.assertRaises(AgentlaneError) as caught:
                client.resume("echo", session, "nobody asked")
            self.assertEqual(caught.exception.code, grpc.StatusCode.FAILED_PRECONDITION)

    async def test_for_asyncio(self) -> None:
        session, other = f"s-{uuid.uuid4()}", f"s-{uuid.uuid4()}"
        async with aio.connect(URL) as client:
            await client.execute("echo", "hello", session_id=session)
            exported = await client.export_session("echo", session)
            self.assertTrue(await client.destroy_session("echo", session))
            self.assertEqual((await client.import_session(exported)).version, 1)
            with self.assertRaises(AgentlaneError) as caught:
                await client.import_session(exported)
            self.assertEqual(caught.exception.code, grpc.StatusCode.ALREADY_EXISTS)

            failing = {"session_id": other, "max_attempts": 1, "configurable": {"failAttempts": 1}}
            stream = client.stream("echo", "x", **failing)  # type: ignore[arg-type]
            with self.assertRaises(AgentlaneError) as caught:
                await stream.final()
            self.assertEqual(caught.exception.reason, "ECHO_FAILURE")
            self.assertEqual(len((await client.list_tasks(session_id=other)).tasks), 1)
            self.assertEqual((await client.purge_dead_letters([stream.task_id])).purged_count, 1)
            with self.assertRaises(AgentlaneError) as caught:
                await client.resume("echo", session, "nobody asked")
            self.assertEqual(caught.exception.code, grpc.StatusCode.FAILED_PRECONDITION)


if __name__ == "__main__":
    unittest.main()
