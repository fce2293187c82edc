"""
The scenario runner of this SDK: `runner.py sync|async URL`. A line of JSON in, a line of JSON out;
test/sdk/README.md describes both. The clients are twins: here, too, one awaits what the other does.
"""

import asyncio
import json
import sys
import threading
from typing import Any, Dict, List, Optional

import agentlane
import agentlane.aio
from agentlane import AbortSignal, AgentlaneError, StreamEvent, TurnResult
from agentlane.turn import text_of
from agentlane.v1 import TASK_STATE_FAILED, Task, TaskState

Request = Dict[str, Any]
Observation = Dict[str, Any]

TURN_FIELDS = (
    "session_id",
    "resume",
    "input",
    "configurable",
    "idempotency_key",
    "metadata",
    "max_attempts",
)


def main() -> None:
    kind, url = sys.argv[1:]
    if kind == "sync":
        blocking(url)
    else:
        asyncio.run(awaiting(url))


def blocking(url: str) -> None:
    with agentlane.connect(url) as client:
        for line in iter(sys.stdin.readline, ""):
            request = json.loads(line)
            abort = AbortSignal()
            timer = threading.Timer(request.get("abort_after_ms", 0) / 1000, abort.abort)
            if "abort_after_ms" in request:
                timer.start()
            try:
                answer({"ok": True, **perform(client, request, abort)})
            except Exception as error:
                answer({"ok": False, "error": error_fields(error)})
            finally:
                timer.cancel()


def perform(client: agentlane.AgentlaneClient, request: Request, abort: AbortSignal) -> Observation:
    op, call = request["op"], {**call_options(request), "abort": abort}
    agent, task = request.get("agent_id", ""), request.get("task_id", "")
    if op == "execute":
        return result_fields(client.execute(**turn(request), **call))
    if op in ("stream", "watch"):
        after = request.get("after_sequence", 0)
        stream = (
            client.stream(**turn(request), **call)
            if op == "stream"
            else client.watch(task, after_sequence=after, **call)
        )
        events: List[StreamEvent] = []
        for event in stream:
            events.append(event)
            if len(events) == request.get("stop_after_events"):
                return stream_fields(stream, events, None)
        is_failed = stream.state == TASK_STATE_FAILED
        return stream_fields(stream, events, None if is_failed else stream.final())
    if op == "submit":
        submitted = client.submit(**turn(request), **call)
        return {**task_fields(submitted.task), "existing": submitted.existing}
    if op == "cancel":
        key = request.get("idempotency_key", "")
        return task_fields(client.cancel(task, idempotency_key=key, **call))
    if op == "getTask":
        return task_fields(client.get_task(task, **call), with_text=True)
    if op == "getSession":
        return session_fields(client.get_session(agent, request["session_id"], **call))
    if op == "destroySession":
        client.destroy_session(agent, request["session_id"], **call)
        return {}
    if op == "listDeadLetters":
        return {"task_ids": ids(client.list_dead_letters(agent_id=agent, **call).tasks)}
    if op == "redrive":
        return {"task_ids": list(client.redrive([task], **call).redriven_task_ids)}
    raise ValueError(f"unknown op {op}")


async def awaiting(url: str) -> None:
    loop = asyncio.get_running_loop()
    async with agentlane.aio.connect(url) as client:
        while True:
            line = await loop.run_in_executor(None, sys.stdin.readline)
            if not line:
                return
            request = json.loads(line)
            performing = asyncio.ensure_future(perform_async(client, request))
            if "abort_after_ms" in request:
                loop.call_later(request["abort_after_ms"] / 1000, performing.cancel)
            try:
                answer({"ok": True, **await performing})
            except (Exception, asyncio.CancelledError) as error:
                answer({"ok": False, "error": error_fields(error)})


async def perform_async(client: agentlane.aio.AgentlaneClient, request: Request) -> Observation:
    op, call = request["op"], call_options(request)
    agent, task = request.get("agent_id", ""), request.get("task_id", "")
    if op == "execute":
        return result_fields(await client.execute(**turn(request), **call))
    if op in ("stream", "watch"):
        after = request.get("after_sequence", 0)
        stream = (
            client.stream(**turn(request), **call)
            if op == "stream"
            else client.watch(task, after_sequence=after, **call)
        )
        events: List[StreamEvent] = []
        async for event in stream:
            events.append(event)
            if len(events) == request.get("stop_after_events"):
                return stream_fields(stream, events, None)
        is_failed = stream.state == TASK_STATE_FAILED
        return stream_fields(stream, events, None if is_failed else await stream.final())
    if op == "submit":
        submitted = await client.submit(**turn(request), **call)
        return {**task_fields(submitted.task), "existing": submitted.existing}
    if op == "cancel":
        key = request.get("idempotency_key", "")
        return task_fields(await client.cancel(task, idempotency_key=key, **call))
    if op == "getTask":
        return task_fields(await client.get_task(task, **call), with_text=True)
    if op == "getSession":
        return session_fields(await client.get_session(agent, request["session_id"], **call))
    if op == "destroySession":
        await client.destroy_session(agent, request["session_id"], **call)
        return {}
    if op == "listDeadLetters":
        return {"task_ids": ids((await client.list_dead_letters(agent_id=agent, **call)).tasks)}
    if op == "redrive":
        return {"task_ids": list((await client.redrive([task], **call)).redriven_task_ids)}
    raise ValueError(f"unknown op {op}")


def answer(observation: Observation) -> None:
    line = json.dumps(observation, ensure_ascii=False) + "\n"
    sys.stdout.buffer.write(line.encode())
    sys.stdout.buffer.flush()


def turn(request: Request) -> Dict[str, Any]:
    given = {name: request[name] for name in TURN_FIELDS if name in request}
    if "multitask_strategy" in request:
        given["multitask_strategy"] = f"MULTITASK_STRATEGY_{request['multitask_strategy']}"
    return {"agent_id": request.get("agent_id", ""), "text": request.get("text"), **given}


def call_options(request: Request) -> Dict[str, Any]:
    return {"timeout": request["timeout_ms"] / 1000} if "timeout_ms" in request else {}


def state_of(state: int) -> str:
    return TaskState.Name(state)[len("TASK_STATE_") :]


def ids(tasks: Any) -> List[str]:
    return [task.task_id for task in tasks]


def task_fields(task: Task, with_text: bool = False) -> Observation:
    messages = task.result.messages if with_text else ()
    text = {"text": text_of(messages[-1])} if messages else {}
    return {"task_id": task.task_id, "state": state_of(task.state), **text}


def session_fields(answer: Any) -> Observation:
    return {"session_version": answer.context.version, "history_count": len(answer.context.history)}


def result_fields(result: TurnResult) -> Observation:
    return present(
        {
            "task_id": result.task_id,
            "state": state_of(result.state),
            "text": result.text,
            "interrupts": result.interrupts,
            "state_json": result.graph_state,
            "session_version": result.session_version,
        }
    )


def stream_fields(
    stream: Any, events: List[StreamEvent], result: Optional[TurnResult]
) -> Observation:
    tools = []
    for event in events:
        kind = event.event.WhichOneof("kind")
        if kind == "tool_call_started":
            tools.append(event.event.tool_call_started.call.name)
        if kind == "tool_call_finished":
            tools.append(event.event.tool_call_finished.name)
    fields = {
        **(result_fields(result) if result else {}),
        "task_id": stream.task_id,
        "state": None if stream.state is None else state_of(stream.state),
        "text": stream.text,
        "tool_events": tools,
    }
    return {
        **present(fields),
        "sequences": [event.sequence for event in events],
        "restarts": sum(event.restarted for event in events),
    }


def present(fields: Observation) -> Observation:
    return {name: value for name, value in fields.items() if value}


def error_fields(error: BaseException) -> Observation:
    if isinstance(error, asyncio.CancelledError):
        return {"code": "CANCELLED", "reason": "CANCELED", "message": "the task was canceled"}
    if not isinstance(error, AgentlaneError):
        return {"code": "UNKNOWN", "message": repr(error)}
    retry_after = None if error.retry_after is None else round(error.retry_after * 1000)
    return present(
        {
            "code": error.code.name,
            "reason": error.reason,
            "message": error.message,
            "task_id": error.task_id,
            "retry_after_ms": retry_after,
            "fields": [violation.field for violation in error.field_violations],
        }
    )


main()
