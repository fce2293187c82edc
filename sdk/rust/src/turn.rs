//! Turns as callers write them, and results as callers read them.
use std::time::Duration;

use serde_json::Value;
use uuid::Uuid;

use crate::json;
use crate::v1::content_part::Part;
use crate::v1::{
    ContentPart, ExecuteRequest, Message, MultitaskStrategy, OnDisconnect, Priority, RetryPolicy,
    Role, StreamExecuteRequest, SubmitTaskRequest, TaskResult, TaskState, Usage,
};

/// A turn to run: at least one of text, message, input and resume.
#[derive(Clone, Debug)]
#[must_use]
pub struct Turn {
    request: ExecuteRequest,
    streaming: bool,
}

/// The three requests of a turn have the same fields.
macro_rules! request_of {
    ($Request:ident, $turn:expr, { $($field:ident: $value:expr),* $(,)? }) => {{
        let ExecuteRequest {
            agent_id, session_id, messages, input, resume, priority, idempotency_key, timeout,
            max_attempts, metadata, multitask_strategy, on_disconnect: _, retry_policy, configurable,
        } = $turn;
        $Request {
            agent_id, session_id, messages, input, resume, priority, idempotency_key, timeout,
            max_attempts, metadata, multitask_strategy, retry_policy, configurable,
            $($field: $value),*
        }
    }};
}

impl Turn {
    /// `agent_id`: as named in the server's agents file.
    pub fn new(agent_id: impl Into<String>) -> Self {
        let request = ExecuteRequest {
            agent_id: agent_id.into(),
            // So that a repeated call finds the task.
            on_disconnect: OnDisconnect::Continue.into(),
            ..Default::default()
        };
        Self {
            request,
            streaming: false,
        }
    }

    /// The conversation. Without one the turn is stateless.
    pub fn session(mut self, session_id: impl Into<String>) -> Self {
        self.request.session_id = session_id.into();
        self
    }

    /// One more message of the user.
    pub fn text(self, text: impl Into<String>) -> Self {
        let part = ContentPart {
            part: Some(Part::Text(text.into())),
        };
        self.message(Message {
            role: Role::User.into(),
            content: vec![part],
            ..Default::default()
        })
    }

    /// One more message.
    pub fn message(mut self, message: Message) -> Self {
        self.request.messages.push(message);
        self
    }

    /// For graphs whose state is more than messages.
    pub fn input(mut self, input: impl Into<Value>) -> Self {
        self.request.input = Some(json::to_proto(input.into()));
        self
    }

    /// The answer to the session's open interrupt.
    pub fn resume(mut self, answer: impl Into<Value>) -> Self {
        self.request.resume = Some(json::to_proto(answer.into()));
        self
    }

    /// Default HIGH for a stream, else NORMAL.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.request.priority = priority.into();
        self
    }

    /// Default: one of its own, so that a call can be repeated.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.request.idempotency_key = key.into();
        self
    }

    /// Limit on one attempt; the client's deadline limits the whole.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        let endless = prost_types::Duration {
            seconds: i64::MAX,
            nanos: 0,
        };
        self.request.timeout = Some(timeout.try_into().unwrap_or(endless));
        self
    }

    /// The first included.
    pub fn max_attempts(mut self, count: u32) -> Self {
        self.request.max_attempts = count;
        self
    }

    /// One more label of the task.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.request.metadata.insert(key.into(), value.into());
        self
    }

    /// What to do when the session is busy. Default ENQUEUE.
    pub fn multitask_strategy(mut self, strategy: MultitaskStrategy) -> Self {
        self.request.multitask_strategy = strategy.into();
        self
    }

    /// Delays between attempts.
    pub fn retry_policy(mut self, policy: RetryPolicy) -> Self {
        self.request.retry_policy = Some(policy);
        self
    }

    /// One more run-time value for the graph.
    pub fn configurable(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        let values = self.request.configurable.get_or_insert_default();
        let value = json::to_proto(value.into());
        values.fields.insert(key.into(), value);
        self
    }

    /// Of a submit: whether tokens are produced, for somebody who will watch. Default false.
    pub fn streaming(mut self, streaming: bool) -> Self {
        self.streaming = streaming;
        self
    }

    pub(crate) fn into_request(mut self) -> ExecuteRequest {
        if self.request.idempotency_key.is_empty() {
            self.request.idempotency_key = Uuid::new_v4().to_string();
        }
        self.request
    }

    pub(crate) fn into_submit_request(self) -> SubmitTaskRequest {
        let streaming = self.streaming;
        request_of!(SubmitTaskRequest, self.into_request(), {
            streaming: streaming,
            deadline_after: None,
        })
    }

    pub(crate) fn into_stream_request(self) -> StreamExecuteRequest {
        request_of!(StreamExecuteRequest, self.into_request(), {
            on_disconnect: OnDisconnect::Continue.into(),
        })
    }
}

/// What a turn came to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TurnResult {
    pub task_id: String,
    /// COMPLETED or INPUT_REQUIRED.
    pub state: TaskState,
    /// Of the last message.
    pub text: String,
    /// Those that the turn added.
    pub messages: Vec<Message>,
    /// What the graph asks; the session's next turn answers with `resume`.
    pub interrupts: Vec<Value>,
    /// The graph's final state, where it is more than messages.
    pub graph_state: Option<Value>,
    pub usage: Option<Usage>,
    /// "stop", "length", …; empty when unknown.
    pub finish_reason: String,
    /// 0 for a stateless turn.
    pub session_version: u64,
}

impl TurnResult {
    pub(crate) fn new(task_id: String, state: TaskState, result: Option<TaskResult>) -> Self {
        let result = result.unwrap_or_default();
        let values = result.interrupts.into_iter().map(|asked| asked.value);
        Self {
            task_id,
            state,
            text: result
                .messages
                .last()
                .map_or_else(String::new, Message::text),
            messages: result.messages,
            interrupts: values
                .map(|value| value.as_ref().map_or(Value::Null, json::from_proto))
                .collect(),
            graph_state: result.state.as_ref().map(json::from_proto),
            usage: result.usage,
            finish_reason: result.finish_reason,
            session_version: result.session_version,
        }
    }
}

impl Message {
    /// Its text parts, joined.
    pub fn text(&self) -> String {
        let parts = self.content.iter().filter_map(|part| part.part.as_ref());
        parts
            .filter_map(|part| match part {
                Part::Text(text) => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }
}
