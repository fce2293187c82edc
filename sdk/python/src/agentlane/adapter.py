"""The interface of the agent runtime that Agentlane replaces; docs/migration.md."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Union

from google.protobuf.json_format import MessageToDict

from agentlane.client import AgentlaneClient
from agentlane.errors import AgentlaneError
from agentlane.task_log import StreamEvent
from agentlane.turn import TurnResult, message_of, text_of
from agentlane.v1 import (
    ROLE_ASSISTANT,
    ROLE_UNSPECIFIED,
    ROLE_USER,
    Instance,
    ListInstancesRequest,
    Role,
)


@dataclass(frozen=True)
class AgentExecutionCommand:
    agent_id: str
    session_id: Optional[str] = None
    message: Optional[str] = None
    """What the user says; `messages` where there is more than one."""
    messages: Sequence[Mapping[str, str]] = ()
    """`role` (user or assistant) and `content`."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    timeout: Optional[float] = None
    """Limit on the whole execution, in seconds."""

    @classmethod
    def of(cls, command: Command) -> AgentExecutionCommand:
        """Also of a mapping, and of an object with these attributes, such as the old commands."""
        if isinstance(command, cls):
            return command
        given = command if isinstance(command, Mapping) else None
        fields = {
            name: given.get(name) if given is not None else getattr(command, name, None)
            for name in cls.__dataclass_fields__
        }
        return cls(**{name: value for name, value in fields.items() if value is not None})


Command = Union[AgentExecutionCommand, Mapping[str, Any], Any]


@dataclass(frozen=True)
class AgentExecutionResult:
    """What an execution came to; one that failed is a result too."""

    success: bool
    agent_id: str
    session_id: str
    task_id: str = ""
    """New: where to look the execution up. Empty when it was refused."""
    response: str = ""
    """The answer's text; "" without one."""
    messages: List[Dict[str, str]] = field(default_factory=list)
    usage: Dict[str, int] = field(
        default_factory=lambda: {"prompt_tokens": 0, "completion_tokens": 0}
    )
    execution_time_ms: float = 0.0
    error: Optional[str] = None
    error_reason: Optional[str] = None
    """New: stable, for programs; None on success."""


class ExecuteAgentServiceAdapter:
    """`agentlane.aio` has the one for asyncio."""

    def __init__(self, client: AgentlaneClient) -> None:
        self._client = client

    def execute(self, command: Command) -> AgentExecutionResult:
        wanted, started_at = AgentExecutionCommand.of(command), time.monotonic()
        try:
            result = self._client.execute(**turn_of(wanted))
        except AgentlaneError as error:
            return failed(wanted, started_at, error)
        return succeeded(wanted, started_at, result)

    def execute_streaming(self, command: Command) -> Iterator[Dict[str, Any]]:
        """
        OpenAI's chunks. After a failed attempt the answer starts anew, with another `id`. A failure
        is raised as AgentlaneError.
        """
        with self._client.stream(**turn_of(AgentExecutionCommand.of(command))) as stream:
            for event in stream:
                if event.event.HasField("chunk"):
                    yield chunk_of(event)

    def get_agent_instances(self) -> List[Instance]:
        """All live ones, page by page."""
        found: List[Instance] = []
        request = ListInstancesRequest()
        while True:
            page = self._client.sessions.ListInstances(request)
            found.extend(page.instances)
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    def destroy_session_agent(self, agent_id: str, session_id: str) -> bool:
        """True when there was something to destroy."""
        return self._client.destroy_session(agent_id, session_id)


_ROLES = {"user": ROLE_USER, "assistant": ROLE_ASSISTANT}


def turn_of(command: AgentExecutionCommand) -> Dict[str, Any]:
    return {
        "agent_id": command.agent_id,
        "session_id": command.session_id or "",
        "text": command.message,
        "messages": [
            message_of(_ROLES.get(message["role"], ROLE_UNSPECIFIED), message["content"])
            for message in command.messages
        ],
        "metadata": command.metadata,
        "timeout": command.timeout,
    }


def chunk_of(event: StreamEvent) -> Dict[str, Any]:
    """Each has a choice with a `content`, which old call sites take for granted."""
    chunk = MessageToDict(event.event.chunk, always_print_fields_with_no_presence=True)
    chunk["choices"] = chunk["choices"] or [{"index": 0}]
    for choice in chunk["choices"]:
        choice.setdefault("delta", {}).setdefault("content", "")
    return chunk


def succeeded(
    command: AgentExecutionCommand, started_at: float, result: TurnResult
) -> AgentExecutionResult:
    return AgentExecutionResult(
        success=True,
        agent_id=command.agent_id,
        session_id=command.session_id or "",
        task_id=result.task_id,
        response=result.text,
        messages=[
            {"role": Role.Name(message.role)[len("ROLE_") :].lower(), "content": text_of(message)}
            for message in result.messages
        ],
        usage={
            "prompt_tokens": result.usage.input_tokens,
            "completion_tokens": result.usage.output_tokens,
        },
        execution_time_ms=_elapsed_ms(started_at),
    )


def failed(
    command: AgentExecutionCommand, started_at: float, error: AgentlaneError
) -> AgentExecutionResult:
    return AgentExecutionResult(
        success=False,
        agent_id=command.agent_id,
        session_id=command.session_id or "",
        task_id=error.task_id or "",
        execution_time_ms=_elapsed_ms(started_at),
        error=error.message,
        error_reason=error.reason,
    )


def _elapsed_ms(started_at: float) -> float:
    return (time.monotonic() - started_at) * 1000
