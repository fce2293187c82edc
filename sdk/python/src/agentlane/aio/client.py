"""The client for asyncio."""

from __future__ import annotations

import asyncio
import threading
from datetime import datetime
from typing import TYPE_CHECKING, Any, Iterable, Mapping, Optional, Set, cast

import grpc

from agentlane.aio.operation import Operation
from agentlane.aio.stream import TurnStream
from agentlane.calls import (
    CANCEL_DELAYS,
    CANCEL_LIMIT,
    CallOptions,
    is_not_there_yet,
    leave_request,
    stream_request,
    submit_request,
)
from agentlane.channel import (
    ChannelOption,
    TlsOptions,
    WithHeaders,
    address_of,
    channel_options,
)
from agentlane.errors import AgentlaneError
from agentlane.scope import DEFAULT_RETRY, ONCE, RetryOptions, Scope
from agentlane.turn import TurnOptions, TurnResult, request_of, result_of
from agentlane.v1 import (
    CancelTaskRequest,
    DestroySessionRequest,
    ExecutionContext,
    ExportSessionRequest,
    GetSessionRequest,
    GetSessionResponse,
    GetTaskRequest,
    ImportSessionRequest,
    ImportSessionResponse,
    ListDeadLettersRequest,
    ListDeadLettersResponse,
    ListTasksRequest,
    ListTasksResponse,
    PurgeDeadLettersRequest,
    PurgeDeadLettersResponse,
    RedriveTasksRequest,
    RedriveTasksResponse,
    SubmitTaskResponse,
    Task,
    TaskState,
    WatchTaskRequest,
)
from agentlane.v1.agent_service_pb2_grpc import AgentServiceStub
from agentlane.v1.operations_service_pb2_grpc import OperationsServiceStub
from agentlane.v1.session_service_pb2_grpc import SessionServiceStub
from agentlane.v1.task_service_pb2_grpc import TaskServiceStub

if TYPE_CHECKING:
    from typing_extensions import Unpack


def connect(
    url: str,
    *,
    api_key: Optional[str] = None,
    headers: Optional[Mapping[str, str]] = None,
    timeout: Optional[float] = None,
    retry: RetryOptions = DEFAULT_RETRY,
    tls: Optional[TlsOptions] = None,
    options: Iterable[ChannelOption] = (),
) -> AgentlaneClient:
    """
    In a running event loop. `url`: `http://host:port` (cleartext) or `https://…`. Connects with the
    first call. `timeout`: of operations that name none, in seconds. `options`: gRPC's own, of the
    channel.
    """
    address, credentials = address_of(url, tls)
    all_options = channel_options(options)
    channel = (
        grpc.aio.secure_channel(address, credentials, all_options)
        if credentials
        else grpc.aio.insecure_channel(address, all_options)
    )
    return AgentlaneClient(channel, api_key=api_key, headers=headers, timeout=timeout, retry=retry)


class AgentlaneClient:
    """What is done often, in a line each; everything else through the generated clients."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        *,
        api_key: Optional[str] = None,
        headers: Optional[Mapping[str, str]] = None,
        timeout: Optional[float] = None,
        retry: RetryOptions = DEFAULT_RETRY,
    ) -> None:
        own = cast(grpc.aio.Channel, WithHeaders(channel, api_key, headers))
        self.agents = AgentServiceStub(own)
        self.tasks = TaskServiceStub(own)
        self.sessions = SessionServiceStub(own)
        self.operations = OperationsServiceStub(own)
        self._channel = channel
        self._timeout = timeout
        self._retry = retry
        self._closed = threading.Event()
        self._streams: Set[TurnStream] = set()
        self._leaving: Set[asyncio.Future[None]] = set()

    async def __aenter__(self) -> AgentlaneClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Leaves the streams that are open, and closes the connections; other calls fail."""
        await asyncio.gather(*(stream.close() for stream in self._streams))
        if self._leaving:
            await asyncio.wait(self._leaving)
        self._closed.set()
        await self._channel.close()

    async def execute(
        self,
        agent_id: str,
        text: Optional[str] = None,
        *,
        timeout: Optional[float] = None,
        headers: Optional[Mapping[str, str]] = None,
        **turn: Unpack[TurnOptions],
    ) -> TurnResult:
        """Runs a turn and answers with its result. Raises AgentlaneError, also when it failed."""
        request = request_of(agent_id, text, **turn)
        operation = self._operation(timeout, headers)
        try:
            answer = await operation.repeat(self.agents.Execute, request)
        except asyncio.CancelledError:
            await self._leave(request.idempotency_key, "")
            raise
        return result_of(answer.task_id, answer.state, answer.result)

    async def resume(
        self, agent_id: str, session_id: str, answer: Any, **call: Unpack[CallOptions]
    ) -> TurnResult:
        """Answers the open interrupt of a session."""
        return await self.execute(agent_id, session_id=session_id, resume=answer, **call)

    def stream(
        self,
        agent_id: str,
        text: Optional[str] = None,
        *,
        timeout: Optional[float] = None,
        headers: Optional[Mapping[str, str]] = None,
        **turn: Unpack[TurnOptions],
    ) -> TurnStream:
        """Runs a turn and streams its events, from the first to the terminal one."""
        request = request_of(agent_id, text, **turn)
        operation = self._operation(timeout, headers)
        first = stream_request(request)

        def open_call(task_id: str, after_sequence: int) -> Any:
            if task_id:
                return self._watch_call(operation, task_id, after_sequence)
            return self.agents.StreamExecute(
                first, timeout=operation.remaining(), metadata=operation.metadata
            )

        async def leave(task_id: str) -> None:
            await self._leave(request.idempotency_key, task_id)

        return TurnStream(operation, open_call, leave, self._streams)

    def watch(
        self, task_id: str, *, after_sequence: int = 0, **call: Unpack[CallOptions]
    ) -> TurnStream:
        """Follows a task. Leaving it cancels nothing, and a task that fails is no error."""
        operation = self._operation(**call)

        def open_call(task_id: str, after_sequence: int) -> Any:
            return self._watch_call(operation, task_id, after_sequence)

        return TurnStream(operation, open_call, None, self._streams, task_id, after_sequence)

    async def submit(
        self,
        agent_id: str,
        text: Optional[str] = None,
        *,
        streaming: bool = False,
        timeout: Optional[float] = None,
        headers: Optional[Mapping[str, str]] = None,
        **turn: Unpack[TurnOptions],
    ) -> SubmitTaskResponse:
        """Runs a turn in the background. `streaming`: with tokens, for somebody who watches."""
        request = submit_request(request_of(agent_id, text, **turn), streaming)
        return await self._operation(timeout, headers).repeat(self.tasks.SubmitTask, request)

    async def cancel(
        self,
        task_id: str = "",
        *,
        idempotency_key: str = "",
        **call: Unpack[CallOptions],
    ) -> Task:
        """By id, or by the key it was submitted with. Idempotent; an ended task stays as it is."""
        request = (
            CancelTaskRequest(task_id=task_id)
            if task_id
            else CancelTaskRequest(idempotency_key=idempotency_key)
        )
        return (await self._operation(**call).repeat(self.tasks.CancelTask, request)).task

    async def get_task(self, task_id: str, **call: Unpack[CallOptions]) -> Task:
        request = GetTaskRequest(task_id=task_id)
        return (await self._operation(**call).repeat(self.tasks.GetTask, request)).task

    async def list_tasks(
        self,
        *,
        agent_id: str = "",
        session_id: str = "",
        states: Iterable[TaskState] = (),
        metadata: Optional[Mapping[str, str]] = None,
        page_size: int = 0,
        page_token: str = "",
        **call: Unpack[CallOptions],
    ) -> ListTasksResponse:
        request = ListTasksRequest(
            agent_id=agent_id,
            session_id=session_id,
            states=states,
            metadata=metadata,
            page_size=page_size,
            page_token=page_token,
        )
        return await self._operation(**call).repeat(self.tasks.ListTasks, request)

    async def get_session(
        self, agent_id: str, session_id: str, **call: Unpack[CallOptions]
    ) -> GetSessionResponse:
        request = GetSessionRequest(agent_id=agent_id, session_id=session_id)
        return await self._operation(**call).repeat(self.sessions.GetSession, request)

    async def destroy_session(
        self, agent_id: str, session_id: str, **call: Unpack[CallOptions]
    ) -> bool:
        """True when there was something to destroy."""
        request = DestroySessionRequest(agent_id=agent_id, session_id=session_id)
        return (
            await self._operation(**call).repeat(self.sessions.DestroySession, request)
        ).destroyed

    async def export_session(
        self, agent_id: str, session_id: str, **call: Unpack[CallOptions]
    ) -> ExecutionContext:
        request = ExportSessionRequest(agent_id=agent_id, session_id=session_id)
        return (await self._operation(**call).repeat(self.sessions.ExportSession, request)).context

    async def import_session(
        self,
        context: ExecutionContext,
        *,
        overwrite: bool = False,
        **call: Unpack[CallOptions],
    ) -> ImportSessionResponse:
        """Not repeated after a broken connection: a session that exists by then may be this one."""
        request = ImportSessionRequest(context=context, overwrite=overwrite)
        return await self._operation(**call, retry=ONCE).repeat(
            self.sessions.ImportSession, request
        )

    async def list_dead_letters(
        self,
        *,
        agent_id: str = "",
        reason: str = "",
        page_size: int = 0,
        page_token: str = "",
        **call: Unpack[CallOptions],
    ) -> ListDeadLettersResponse:
        request = ListDeadLettersRequest(
            agent_id=agent_id, reason=reason, page_size=page_size, page_token=page_token
        )
        return await self._operation(**call).repeat(self.tasks.ListDeadLetters, request)

    async def redrive(
        self, task_ids: Iterable[str], **call: Unpack[CallOptions]
    ) -> RedriveTasksResponse:
        """Not repeated after a broken connection: a task may have failed anew by then."""
        request = RedriveTasksRequest(task_ids=task_ids)
        return await self._operation(**call, retry=ONCE).repeat(self.tasks.RedriveTasks, request)

    async def purge_dead_letters(
        self,
        task_ids: Iterable[str] = (),
        *,
        agent_id: str = "",
        failed_before: Optional[datetime] = None,
        **call: Unpack[CallOptions],
    ) -> PurgeDeadLettersResponse:
        """Without any of them: all."""
        request = PurgeDeadLettersRequest(task_ids=task_ids, agent_id=agent_id)
        if failed_before:
            request.failed_before.FromDatetime(failed_before)
        return await self._operation(**call, retry=ONCE).repeat(
            self.tasks.PurgeDeadLetters, request
        )

    def _operation(
        self,
        timeout: Optional[float] = None,
        headers: Optional[Mapping[str, str]] = None,
        retry: Optional[RetryOptions] = None,
    ) -> Operation:
        limit = self._timeout if timeout is None else timeout
        return Operation(limit, headers, retry or self._retry, self._closed)

    def _watch_call(self, operation: Operation, task_id: str, after_sequence: int) -> Any:
        request = WatchTaskRequest(task_id=task_id, after_sequence=after_sequence)
        return self.tasks.WatchTask(
            request, timeout=operation.remaining(), metadata=operation.metadata
        )

    async def _leave(self, idempotency_key: str, task_id: str) -> None:
        """Best effort; it goes on where the caller is canceled once more."""
        leaving = asyncio.ensure_future(self._tell(leave_request(idempotency_key, task_id)))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)
        await asyncio.shield(leaving)

    async def _tell(self, request: CancelTaskRequest) -> None:
        scope = Scope(CANCEL_LIMIT, None, ONCE, self._closed)
        for delay in CANCEL_DELAYS:
            await asyncio.sleep(delay)
            try:
                await self.tasks.CancelTask(request, timeout=scope.remaining())
                return
            except grpc.RpcError as cause:
                if not is_not_there_yet(cause):
                    return
            except AgentlaneError:
                # No time is left, or the client is closed.
                return
