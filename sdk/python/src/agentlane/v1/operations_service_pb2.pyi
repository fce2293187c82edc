import datetime

from agentlane.v1 import task_pb2 as _task_pb2
from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetTaskManagerStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetTaskManagerStatusResponse(_message.Message):
    __slots__ = ("task_manager_running", "worker_count", "active_instances", "running_tasks", "message_queue_type", "cleanup_last_run", "instances_cleaned", "store_type", "queued_tasks", "waiting_tasks", "dead_letters", "watchers", "started_at", "draining", "version")
    TASK_MANAGER_RUNNING_FIELD_NUMBER: _ClassVar[int]
    WORKER_COUNT_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_INSTANCES_FIELD_NUMBER: _ClassVar[int]
    RUNNING_TASKS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_QUEUE_TYPE_FIELD_NUMBER: _ClassVar[int]
    CLEANUP_LAST_RUN_FIELD_NUMBER: _ClassVar[int]
    INSTANCES_CLEANED_FIELD_NUMBER: _ClassVar[int]
    STORE_TYPE_FIELD_NUMBER: _ClassVar[int]
    QUEUED_TASKS_FIELD_NUMBER: _ClassVar[int]
    WAITING_TASKS_FIELD_NUMBER: _ClassVar[int]
    DEAD_LETTERS_FIELD_NUMBER: _ClassVar[int]
    WATCHERS_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    DRAINING_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    task_manager_running: bool
    worker_count: int
    active_instances: int
    running_tasks: int
    message_queue_type: str
    cleanup_last_run: _timestamp_pb2.Timestamp
    instances_cleaned: int
    store_type: str
    queued_tasks: int
    waiting_tasks: int
    dead_letters: int
    watchers: int
    started_at: _timestamp_pb2.Timestamp
    draining: bool
    version: str
    def __init__(self, task_manager_running: bool = ..., worker_count: _Optional[int] = ..., active_instances: _Optional[int] = ..., running_tasks: _Optional[int] = ..., message_queue_type: _Optional[str] = ..., cleanup_last_run: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., instances_cleaned: _Optional[int] = ..., store_type: _Optional[str] = ..., queued_tasks: _Optional[int] = ..., waiting_tasks: _Optional[int] = ..., dead_letters: _Optional[int] = ..., watchers: _Optional[int] = ..., started_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., draining: bool = ..., version: _Optional[str] = ...) -> None: ...

class GetQueueStatsRequest(_message.Message):
    __slots__ = ("queue_name",)
    QUEUE_NAME_FIELD_NUMBER: _ClassVar[int]
    queue_name: str
    def __init__(self, queue_name: _Optional[str] = ...) -> None: ...

class GetQueueStatsResponse(_message.Message):
    __slots__ = ("queues",)
    QUEUES_FIELD_NUMBER: _ClassVar[int]
    queues: _containers.RepeatedCompositeFieldContainer[QueueStats]
    def __init__(self, queues: _Optional[_Iterable[_Union[QueueStats, _Mapping]]] = ...) -> None: ...

class QueueStats(_message.Message):
    __slots__ = ("queue_name", "pending_messages", "processing_messages", "completed_messages", "failed_messages", "average_processing_time", "pending_by_priority", "oldest_pending_age", "waiting_messages", "max_size", "dead_lettered_messages")
    QUEUE_NAME_FIELD_NUMBER: _ClassVar[int]
    PENDING_MESSAGES_FIELD_NUMBER: _ClassVar[int]
    PROCESSING_MESSAGES_FIELD_NUMBER: _ClassVar[int]
    COMPLETED_MESSAGES_FIELD_NUMBER: _ClassVar[int]
    FAILED_MESSAGES_FIELD_NUMBER: _ClassVar[int]
    AVERAGE_PROCESSING_TIME_FIELD_NUMBER: _ClassVar[int]
    PENDING_BY_PRIORITY_FIELD_NUMBER: _ClassVar[int]
    OLDEST_PENDING_AGE_FIELD_NUMBER: _ClassVar[int]
    WAITING_MESSAGES_FIELD_NUMBER: _ClassVar[int]
    MAX_SIZE_FIELD_NUMBER: _ClassVar[int]
    DEAD_LETTERED_MESSAGES_FIELD_NUMBER: _ClassVar[int]
    queue_name: str
    pending_messages: int
    processing_messages: int
    completed_messages: int
    failed_messages: int
    average_processing_time: float
    pending_by_priority: _containers.RepeatedCompositeFieldContainer[PriorityCount]
    oldest_pending_age: _duration_pb2.Duration
    waiting_messages: int
    max_size: int
    dead_lettered_messages: int
    def __init__(self, queue_name: _Optional[str] = ..., pending_messages: _Optional[int] = ..., processing_messages: _Optional[int] = ..., completed_messages: _Optional[int] = ..., failed_messages: _Optional[int] = ..., average_processing_time: _Optional[float] = ..., pending_by_priority: _Optional[_Iterable[_Union[PriorityCount, _Mapping]]] = ..., oldest_pending_age: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., waiting_messages: _Optional[int] = ..., max_size: _Optional[int] = ..., dead_lettered_messages: _Optional[int] = ...) -> None: ...

class PriorityCount(_message.Message):
    __slots__ = ("priority", "count")
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    priority: _task_pb2.Priority
    count: int
    def __init__(self, priority: _Optional[_Union[_task_pb2.Priority, str]] = ..., count: _Optional[int] = ...) -> None: ...

class GetFrameworkHealthRequest(_message.Message):
    __slots__ = ("framework",)
    FRAMEWORK_FIELD_NUMBER: _ClassVar[int]
    framework: str
    def __init__(self, framework: _Optional[str] = ...) -> None: ...

class GetFrameworkHealthResponse(_message.Message):
    __slots__ = ("frameworks",)
    FRAMEWORKS_FIELD_NUMBER: _ClassVar[int]
    frameworks: _containers.RepeatedCompositeFieldContainer[FrameworkHealth]
    def __init__(self, frameworks: _Optional[_Iterable[_Union[FrameworkHealth, _Mapping]]] = ...) -> None: ...

class FrameworkHealth(_message.Message):
    __slots__ = ("framework", "version", "templates_loaded", "executor_initialized", "capabilities")
    FRAMEWORK_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    TEMPLATES_LOADED_FIELD_NUMBER: _ClassVar[int]
    EXECUTOR_INITIALIZED_FIELD_NUMBER: _ClassVar[int]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    framework: str
    version: str
    templates_loaded: int
    executor_initialized: bool
    capabilities: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, framework: _Optional[str] = ..., version: _Optional[str] = ..., templates_loaded: _Optional[int] = ..., executor_initialized: bool = ..., capabilities: _Optional[_Iterable[str]] = ...) -> None: ...

class ListAgentsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListAgentsResponse(_message.Message):
    __slots__ = ("agents",)
    AGENTS_FIELD_NUMBER: _ClassVar[int]
    agents: _containers.RepeatedCompositeFieldContainer[AgentDescription]
    def __init__(self, agents: _Optional[_Iterable[_Union[AgentDescription, _Mapping]]] = ...) -> None: ...

class AgentDescription(_message.Message):
    __slots__ = ("agent_id", "description", "template", "framework", "model", "queue", "tools", "input_schema", "capabilities", "max_attempts", "timeout")
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    TEMPLATE_FIELD_NUMBER: _ClassVar[int]
    FRAMEWORK_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    QUEUE_FIELD_NUMBER: _ClassVar[int]
    TOOLS_FIELD_NUMBER: _ClassVar[int]
    INPUT_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    MAX_ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    agent_id: str
    description: str
    template: str
    framework: str
    model: str
    queue: str
    tools: _containers.RepeatedCompositeFieldContainer[ToolDescription]
    input_schema: _struct_pb2.Struct
    capabilities: _containers.RepeatedScalarFieldContainer[str]
    max_attempts: int
    timeout: _duration_pb2.Duration
    def __init__(self, agent_id: _Optional[str] = ..., description: _Optional[str] = ..., template: _Optional[str] = ..., framework: _Optional[str] = ..., model: _Optional[str] = ..., queue: _Optional[str] = ..., tools: _Optional[_Iterable[_Union[ToolDescription, _Mapping]]] = ..., input_schema: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., capabilities: _Optional[_Iterable[str]] = ..., max_attempts: _Optional[int] = ..., timeout: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ToolDescription(_message.Message):
    __slots__ = ("name", "description", "input_schema")
    NAME_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    INPUT_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    name: str
    description: str
    input_schema: _struct_pb2.Struct
    def __init__(self, name: _Optional[str] = ..., description: _Optional[str] = ..., input_schema: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class ValidateAgentRequest(_message.Message):
    __slots__ = ("agent_id", "definition")
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    DEFINITION_FIELD_NUMBER: _ClassVar[int]
    agent_id: str
    definition: _struct_pb2.Struct
    def __init__(self, agent_id: _Optional[str] = ..., definition: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class ValidateAgentResponse(_message.Message):
    __slots__ = ("valid", "problems", "agent")
    VALID_FIELD_NUMBER: _ClassVar[int]
    PROBLEMS_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    valid: bool
    problems: _containers.RepeatedCompositeFieldContainer[AgentProblem]
    agent: AgentDescription
    def __init__(self, valid: bool = ..., problems: _Optional[_Iterable[_Union[AgentProblem, _Mapping]]] = ..., agent: _Optional[_Union[AgentDescription, _Mapping]] = ...) -> None: ...

class AgentProblem(_message.Message):
    __slots__ = ("field", "message")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    field: str
    message: str
    def __init__(self, field: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class ListWorkersRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListWorkersResponse(_message.Message):
    __slots__ = ("workers",)
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    workers: _containers.RepeatedCompositeFieldContainer[Worker]
    def __init__(self, workers: _Optional[_Iterable[_Union[Worker, _Mapping]]] = ...) -> None: ...

class Worker(_message.Message):
    __slots__ = ("worker_id", "queues", "slots", "busy_slots", "instance_count", "started_at", "last_seen_at", "draining", "version", "host")
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    QUEUES_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    BUSY_SLOTS_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_COUNT_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_AT_FIELD_NUMBER: _ClassVar[int]
    DRAINING_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    queues: _containers.RepeatedScalarFieldContainer[str]
    slots: int
    busy_slots: int
    instance_count: int
    started_at: _timestamp_pb2.Timestamp
    last_seen_at: _timestamp_pb2.Timestamp
    draining: bool
    version: str
    host: str
    def __init__(self, worker_id: _Optional[str] = ..., queues: _Optional[_Iterable[str]] = ..., slots: _Optional[int] = ..., busy_slots: _Optional[int] = ..., instance_count: _Optional[int] = ..., started_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., last_seen_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., draining: bool = ..., version: _Optional[str] = ..., host: _Optional[str] = ...) -> None: ...

class GetTenantUsageRequest(_message.Message):
    __slots__ = ("tenant",)
    TENANT_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    def __init__(self, tenant: _Optional[str] = ...) -> None: ...

class GetTenantUsageResponse(_message.Message):
    __slots__ = ("tenant", "limits", "queued_tasks", "running_tasks", "held_tasks", "live_sessions", "tokens_today", "stored_bytes")
    TENANT_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    QUEUED_TASKS_FIELD_NUMBER: _ClassVar[int]
    RUNNING_TASKS_FIELD_NUMBER: _ClassVar[int]
    HELD_TASKS_FIELD_NUMBER: _ClassVar[int]
    LIVE_SESSIONS_FIELD_NUMBER: _ClassVar[int]
    TOKENS_TODAY_FIELD_NUMBER: _ClassVar[int]
    STORED_BYTES_FIELD_NUMBER: _ClassVar[int]
    tenant: str
    limits: TenantLimits
    queued_tasks: int
    running_tasks: int
    held_tasks: int
    live_sessions: int
    tokens_today: int
    stored_bytes: int
    def __init__(self, tenant: _Optional[str] = ..., limits: _Optional[_Union[TenantLimits, _Mapping]] = ..., queued_tasks: _Optional[int] = ..., running_tasks: _Optional[int] = ..., held_tasks: _Optional[int] = ..., live_sessions: _Optional[int] = ..., tokens_today: _Optional[int] = ..., stored_bytes: _Optional[int] = ...) -> None: ...

class TenantLimits(_message.Message):
    __slots__ = ("weight", "requests_per_second", "burst", "max_queued_tasks", "max_running_tasks", "max_live_sessions", "tokens_per_day", "max_stored_bytes")
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    REQUESTS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    BURST_FIELD_NUMBER: _ClassVar[int]
    MAX_QUEUED_TASKS_FIELD_NUMBER: _ClassVar[int]
    MAX_RUNNING_TASKS_FIELD_NUMBER: _ClassVar[int]
    MAX_LIVE_SESSIONS_FIELD_NUMBER: _ClassVar[int]
    TOKENS_PER_DAY_FIELD_NUMBER: _ClassVar[int]
    MAX_STORED_BYTES_FIELD_NUMBER: _ClassVar[int]
    weight: int
    requests_per_second: float
    burst: int
    max_queued_tasks: int
    max_running_tasks: int
    max_live_sessions: int
    tokens_per_day: int
    max_stored_bytes: int
    def __init__(self, weight: _Optional[int] = ..., requests_per_second: _Optional[float] = ..., burst: _Optional[int] = ..., max_queued_tasks: _Optional[int] = ..., max_running_tasks: _Optional[int] = ..., max_live_sessions: _Optional[int] = ..., tokens_per_day: _Optional[int] = ..., max_stored_bytes: _Optional[int] = ...) -> None: ...
