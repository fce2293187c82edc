"""The interface of the agent runtime that Agentlane replaces, for asyncio; docs/migration.md."""

from __future__ import annotations

import time
from typing import Any, AsyncIterator, Dict, List

from agentlane.adapter import (
    AgentExecutionCommand,
    AgentExecutionResult,
    Command,
    chunk_of,
    failed,
    succeeded,
    turn_of,
)
from agentlane.aio.client import AgentlaneClient
from agentlane.errors import AgentlaneError
from agentlane.v1 import Instance, ListInstancesRequest


class ExecuteAgentServiceAdapter:
    def __init__(self, client: AgentlaneClient) -> None:
        self._client = client

    async def execute(self, command: Command) -> AgentExecutionResult:
        wanted, started_at = AgentExecutionCommand.of(command), time.monotonic()
        try:
            result = await self._client.execute(**turn_of(wanted))
        except AgentlaneError as error:
            return failed(wanted, started_at, error)
        return succeeded(wanted, started_at, result)

    async def execute_streaming(self, command: Command) -> AsyncIterator[Dict[str, Any]]:
        """
        OpenAI's chunks. After a failed attempt the answer starts anew, with another `id`. A failure
        is raised as AgentlaneError.
        """
        turn = turn_of(AgentExecutionCommand.of(command))
        async with self._client.stream(**turn) as stream:
            async for event in stream:
                if event.event.HasField("chunk"):
                    yield chunk_of(event)

    async def get_agent_instances(self) -> List[Instance]:
        """All live ones, page by page."""
        found: List[Instance] = []
        request = ListInstancesRequest()
        while True:
            page = await self._client.sessions.ListInstances(request)
            found.extend(page.instances)
            if not page.next_page_token:
                return found
            request.page_token = page.next_page_token

    async def destroy_session_agent(self, agent_id: str, session_id: str) -> bool:
        """True when there was something to destroy."""
        return await self._client.destroy_session(agent_id, session_id)
