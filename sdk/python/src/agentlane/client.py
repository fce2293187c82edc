"""The blocking client; agentlane.aio has its twin. Safe to use from many threads."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, Iterable, Mapping, Optional, Set, cast

import grpc

from agentlane.abort import AbortSignal
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
from agentlane.operation import Operation
from agentlane.scope import DEFAULT_RETRY, ONCE, RetryOptions, Scope
from agentlane.stream import TurnStream
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


class BlockingCallOptions(CallOptions, total=False):
    abort: AbortSignal
    """Gives the operation up."""


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
    `url`: `http://host:port` (cleartext) or `https://…`. Connects with the first call. `timeout`:
    of operations that name none, in seconds. `options`: gRPC's own, of the channel.
    """
    address, credentials = address_of(url, tls)
    all_options = channel_options(options)
    channel = (
        grpc.secure_channel(address, credentials, all_options)
        if credentials
        else grpc.insecure_channel(address, all_options)
    )
    return AgentlaneClient(channel, api_key=api_key, headers=headers, timeout=timeout, retry=retry)


class AgentlaneClient:
    """What is done often, in a line each; everything else through the generated clients."""

    def __init__(
        self,
        channel: grpc.Channel,
        *,
        api_key: Optional[str] = None,
        headers: Optional[Mapping[str, str]] = None,
        timeout: Optional[float] = None,
        retry: RetryOptions = DEFAULT_RETRY,
    ) -> None:
        own = cast(grpc.Channel, WithHeaders(channel, api_key, headers))
        self.agents = AgentServiceStub(own)
        self.tasks = TaskServiceStub(own)
        self.sessions = SessionServiceStub(own)
        self.operations = OperationsServiceStub(own)
        self._channel = channel
        self._timeout = timeout
        self._retry = retry
        self._closed = threading.Event()
        self._streams: Set[TurnStream] = set()

    def __enter__(self) -> AgentlaneClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leaves the streams that are open, and closes the connections; other calls fail."""
        for stream in list(self._streams):
            stream.close()
        self._closed.set()
        self._channel.close()

    def execute(
        self,
        agent_id: str,
        text: Optional[str] = None,
        *,
        timeout: Optional[float] = None,
        headers: Optional[Mapping[str, str]] = None,
        abort: Optional[AbortSignal] = None,
        **turn: Unpack[TurnOptions],
    ) -> TurnResult:
        """Runs a turn and answers with its result. Raises AgentlaneError, also when it failed."""
        request = request_of(agent_id, text, **turn)
        operation = self._operation(timeout, headers, abort)
        try:
            answer = operation.repeat(self.agents.Execute, request)
        except BaseException as error:
            # Ctrl-C is a way to give up, too.
            if operation.abort.aborted or not isinstance(error, Exception):
                self._leave(request.idempotency_key, "")
            raise
        return result_of(answer.task_id, answer.state, answer.result)

    def resume(
        self, agent_id: str, session_id: str, answer: Any, **call: Unpack[BlockingCallOptions]
    ) -> TurnResult:
        """Answers the open interrupt of a session."""
        return self.execute(agent_id, session_id=session_id, resume=answer, **call)

    def stream(
        self,
        agent_id: str,
        text: Optional[str] = None,
        *,
        timeout: Optional[float] = None,
        headers: Optional[Mapping[str, str]] = None,
        abort: Optional[AbortSignal] = None,
        **turn: Unpack[TurnOptions],
    ) -> TurnStream:
        """Runs a turn and streams its events, from the first to the terminal one."""
        request = request_of(agent_id, text, **turn)
        operation = self._operation(timeout, headers, abort)
        first = stream_request(request)

        def open_call(task_id: str, after_sequence: int) -> Any:
            if task_id:
                return self._watch_call(operation, task_id, after_sequence)
            return self.agents.StreamExecute(
                first, timeout=operation.remaining(), metadata=operation.metadata
            )

        def leave(task_id: str) -> None:
            self._leave(request.idempotency_key, task_id)

        return TurnStream(operation, open_call, leave, self._streams)

    def watch(
        self, task_id: str, *, after_sequence: int = 0, **call: Unpack[BlockingCallOptions]
    ) -> TurnStream:
        """Follows a task. Leaving it cancels nothing, and a task that fails is no error."""
        operation = self._operation(**call)

        def open_call(task_id: str, after_sequence: int) -> Any:
            return self._watch_call(operation, task_id, after_sequence)

        return TurnStream(operation, open_call, None, self._streams, task_id, after_sequence)

    def submit(
        self,
        agent_id: str,
        text: Optional[str] = None,
        *,
        streaming: bool = False,
        timeout: Optional[float] = None,
        headers: Optional[Mapping[str, str]] = None,
        abort: Optional[AbortSignal] = None,
        **turn: Unpack[TurnOptions],
    ) -> SubmitTaskResponse:
        """Runs a turn in the background. `streaming`: with tokens, for somebody who watches."""
        request = submit_request(request_of(agent_id, text, **turn), streaming)
        return self._operation(timeout, headers, abort).repeat(self.tasks.SubmitTask, request)

    def cancel(
        self,
        task_id: str = "",
        *,
        idempotency_key: str = "",
        **call: Unpack[BlockingCallOptions],
    ) -> Task:
        """By id, or by the key it was submitted with. Idempotent; an ended task stays as it is."""
        request = (
            CancelTaskRequest(task_id=task_id)
            if task_id
            else CancelTaskRequest(idempotency_key=idempotency_key)
        )
        return self._operation(**call).repeat(self.tasks.CancelTask, request).task

    def get_task(self, task_id: str, **call: Unpack[BlockingCallOptions]) -> Task:
        request = GetTaskRequest(task_id=task_id)
        return self._operation(**call).repeat(self.tasks.GetTask, request).task

    def list_tasks(
        self,
        *,
        agent_id: str = "",
        session_id: str = "",
        states: Iterable[TaskState] = (),
        metadata: Optional[Mapping[str, str]] = None,
        page_size: int = 0,
        page_token: str = "",
        **call: Unpack[BlockingCallOptions],
    ) -> ListTasksResponse:
        request = ListTasksRequest(
            agent_id=agent_id,
            session_id=session_id,
            states=states,
            metadata=metadata,
            page_size=page_size,
            page_token=page_token,
        )
        return self._operation(**call).repeat(self.tasks.ListTasks, request)

    def get_session(
        self, agent_id: str, session_id: str, **call: Unpack[BlockingCallOptions]
    ) -> GetSessionResponse:
        request = GetSessionRequest(agent_id=agent_id, session_id=session_id)
        return self._operation(**call).repeat(self.sessions.GetSession, request)

    def destroy_session(
        self, agent_id: str, session_id: str, **call: Unpack[BlockingCallOptions]
    ) -> bool:
        """True when there was something to destroy."""
        request = DestroySessionRequest(agent_id=agent_id, session_id=session_id)
        return self._operation(**call).repeat(self.sessions.DestroySession, request).destroyed

    def export_session(
        self, agent_id: str, session_id: str, **call: Unpack[BlockingCallOptions]
    ) -> ExecutionContext:
        request = ExportSessionRequest(agent_id=agent_id, session_id=session_id)
        return self._operation(**call).repeat(self.sessions.ExportSession, request).context

    def import_session(
        self,
        context: ExecutionContext,
        *,
        overwrite: bool = False,
        **call: Unpack[BlockingCallOptions],
    ) -> ImportSessionResponse:
        """Not repeated after a broken connection: a session that exists by then may be this one."""
        request = ImportSessionRequest(context=context, overwrite=overwrite)
        return self._operation(**call, retry=ONCE).repeat(self.sessions.ImportSession, request)

    def list_dead_letters(
        self,
        *,
        agent_id: str = "",
        reason: str = "",
        page_size: int = 0,
        page_token: str = "",
        **call: Unpack[BlockingCallOptions],
    ) -> ListDeadLettersResponse:
        request = ListDeadLettersRequest(
            agent_id=agent_id, reason=reason, page_size=page_size, page_token=page_token
        )
        return self._operation(**call).repeat(self.tasks.ListDeadLetters, request)

    def redrive(
        self, task_ids: Iterable[str], **call: Unpack[BlockingCallOptions]
    ) -> RedriveTasksResponse:
        """Not repeated after a broken connection: a task may have failed anew by then."""
        request = RedriveTasksRequest(task_ids=task_ids)
        return self._operation(**call, retry=ONCE).repeat(self.tasks.RedriveTasks, request)

    def purge_dead_letters(
        self,
        task_ids: Iterable[str] = (),
        *,
        agent_id: str = "",
        failed_before: Optional[datetime] = None,
        **call: Unpack[BlockingCallOptions],
    ) -> PurgeDeadLettersResponse:
        """Without any of them: all."""
        request = PurgeDeadLettersRequest(task_ids=task_ids, agent_id=agent_id)
        if failed_before:
            request.failed_before.FromDatetime(failed_before)
        return self._operation(**call, retry=ONCE).repeat(self.tasks.PurgeDeadLetters, request)

    def _operation(
        self,
        timeout: Optional[float] = None,
        headers: Optional[Mapping[str, str]] = None,
        abort: Optional[AbortSignal] = None,
        retry: Optional[RetryOptions] = None,
    ) -> Operation:
        limit = self._timeout if timeout is None else timeout
        return Operation(limit, headers, retry or self._retry, self._closed, abort)

    def _watch_call(self, operation: Operation, task_id: str, after_sequence: int) -> Any:
        request = WatchTaskRequest(task_id=task_id, after_sequence=after_sequence)
        return self.tasks.WatchTask(
            request, timeout=operation.remaining(), metadata=operation.metadata
        )

    def _leave(self, idempotency_key: str, task_id: str) -> None:
        """Best effort."""
        request = leave_request(idempotency_key, task_id)
        scope = Scope(CANCEL_LIMIT, None, ONCE, self._closed)
        for delay in CANCEL_DELAYS:
            time.sleep(delay)
            try:
                self.tasks.CancelTask(request, timeout=scope.remaining())
                return
            except grpc.RpcError as cause:
                if not is_not_there_yet(cause):
                    return
            except AgentlaneError:
                # No time is left, or the client is closed.
                return
