"""Client of Agentlane. Blocking; `agentlane.aio` is for asyncio, `agentlane.v1` the contract."""

from agentlane.abort import AbortSignal as AbortSignal
from agentlane.adapter import AgentExecutionCommand as AgentExecutionCommand
from agentlane.adapter import AgentExecutionResult as AgentExecutionResult
from agentlane.adapter import ExecuteAgentServiceAdapter as ExecuteAgentServiceAdapter
from agentlane.channel import TlsOptions as TlsOptions
from agentlane.client import AgentlaneClient as AgentlaneClient
from agentlane.client import connect as connect
from agentlane.errors import AgentlaneError as AgentlaneError
from agentlane.errors import FieldViolation as FieldViolation
from agentlane.scope import RetryOptions as RetryOptions
from agentlane.stream import TurnStream as TurnStream
from agentlane.task_log import StreamEvent as StreamEvent
from agentlane.turn import TurnOptions as TurnOptions
from agentlane.turn import TurnResult as TurnResult
