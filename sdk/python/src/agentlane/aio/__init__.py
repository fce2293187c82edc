"""Client of Agentlane for asyncio. A task that is canceled gives up what it waits for."""

from agentlane.aio.adapter import ExecuteAgentServiceAdapter as ExecuteAgentServiceAdapter
from agentlane.aio.client import AgentlaneClient as AgentlaneClient
from agentlane.aio.client import connect as connect
from agentlane.aio.stream import TurnStream as TurnStream
