//! What the server refused, or why a task failed, with the google.rpc details decoded.
use std::error::Error as StdError;
use std::fmt;
use std::iter::successors;
use std::time::Duration;

use prost::Message;
use tonic::{Code, Status, TimeoutExpired};

use crate::rpc;
use crate::v1::TaskError;

#[cfg(test)]
mod tests;

/// Every failure of this crate.
#[derive(Clone)]
pub struct Error(Box<Fields>);

#[derive(Clone)]
struct Fields {
    code: Code,
    reason: String,
    message: String,
    task_id: Option<String>,
    retry_after: Option<Duration>,
    field_violations: Vec<FieldViolation>,
    retryable: bool,
    status: Option<Status>,
}

/// What is wrong with a field of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldViolation {
    /// Path in the request, e.g. `messages[0].role`.
    pub field: String,
    /// What is wrong with it.
    pub description: String,
}

impl Error {
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Of google.rpc.Code: "NOT_FOUND", "CANCELLED", …
    pub fn code_name(&self) -> &'static str {
        name_of(self.0.code)
    }

    /// Stable, UPPER_SNAKE_CASE: ErrorInfo.reason; the code's name where there is none.
    pub fn reason(&self) -> &str {
        &self.0.reason
    }

    /// For people: what happened and what to do about it.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The task that the call was about, once there is one.
    pub fn task_id(&self) -> Option<&str> {
        self.0.task_id.as_deref()
    }

    /// When trying again makes sense, if the server says so.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    pub fn field_violations(&self) -> &[FieldViolation] {
        &self.0.field_violations
    }

    /// Whether the same turn may succeed when it is submitted anew.
    pub fn retryable(&self) -> bool {
        self.0.retryable
    }

    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Fields {
            code,
            reason: name_of(code).to_owned(),
            message: message.into(),
            task_id: None,
            retry_after: None,
            field_violations: Vec::new(),
            retryable: code == Code::Unavailable,
            status: None,
        }))
    }

    pub(crate) fn deadline_exceeded() -> Self {
        Self::new(Code::DeadlineExceeded, "the deadline passed")
    }

    /// Why a task ended as FAILED or CANCELED.
    pub(crate) fn of_task(task_id: &str, error: Option<&TaskError>) -> Self {
        let Some(error) = error else {
            return Self::new(Code::Unknown, "the task failed without saying why").of(task_id);
        };
        let mut own = Self::new(error_code(error.code), error.message.clone()).of(task_id);
        if !error.reason.is_empty() {
            own.0.reason.clone_from(&error.reason);
        }
        own.0.retryable = error.retryable;
        own.0.field_violations = (error.field_violations.iter())
            .map(|(field, description)| violation(field.clone(), description.clone()))
            .collect();
        own
    }

    /// A broken connection knows no task; the caller may want to come back to it.
    pub(crate) fn of(mut self, task_id: &str) -> Self {
        if self.0.task_id.is_none() && !task_id.is_empty() {
            self.0.task_id = Some(task_id.to_owned());
        }
        self
    }

    /// Whether the same call may be sent again. A task's own failure may not: the task has ended.
    /// With these reasons only the watch did: the server stops, or its store is away.
    pub(crate) fn may_resend(&self) -> bool {
        let watch_ended = matches!(self.reason(), "WATCH_ENDED" | "WATCH_BROKEN");
        match self.0.code {
            _ if self.0.task_id.is_some() && !watch_ended => false,
            Code::Unavailable => true,
            Code::ResourceExhausted => self.0.retry_after.is_some(),
            _ => false,
        }
    }

    fn read_details(&mut self, details: &[u8]) -> bool {
        let mut has_info = false;
        let status = rpc::Status::decode(details).unwrap_or_default();
        for any in status.details {
            let bytes = any.value.as_slice();
            match any.type_url.rsplit('/').next() {
                Some("google.rpc.ErrorInfo") => {
                    let info = rpc::ErrorInfo::decode(bytes).unwrap_or_default();
                    has_info = true;
                    if !info.reason.is_empty() {
                        self.0.reason = info.reason;
                    }
                    self.0.task_id = info.metadata.get("task_id").cloned();
                }
                Some("google.rpc.RetryInfo") => {
                    let retry = rpc::RetryInfo::decode(bytes).unwrap_or_default();
                    let delay = retry.retry_delay.and_then(|delay| delay.try_into().ok());
                    self.0.retry_after = delay.filter(|delay: &Duration| !delay.is_zero());
                }
                Some("google.rpc.BadRequest") => {
                    let bad = rpc::BadRequest::decode(bytes).unwrap_or_default();
                    let violations = bad.field_violations.into_iter();
                    self.0.field_violations = violations
                        .map(|found| violation(found.field, found.description))
                        .collect();
                }
                _ => {}
            }
        }
        has_info
    }
}

/// Only this server's errors have an ErrorInfo; without one it is what a transport makes of a broken
/// connection.
impl From<Status> for Error {
    fn from(status: Status) -> Self {
        let mut error = Self::new(status.code(), status.message());
        let has_info = error.read_details(status.details());
        if is_timeout(&status) {
            error = Self::deadline_exceeded();
        } else if !has_info && is_broken(status.code()) {
            error = Self::new(Code::Unavailable, message_of(&status));
        }
        error.0.retryable = error.0.code == Code::Unavailable || error.0.retry_after.is_some();
        error.0.status = Some(status);
        error
    }
}

fn is_broken(code: Code) -> bool {
    matches!(
        code,
        Code::Unavailable | Code::Unknown | Code::Internal | Code::Aborted | Code::Cancelled
    )
}

/// tonic's own timer, which answers with CANCELLED.
fn is_timeout(status: &Status) -> bool {
    causes_of(status).any(|cause| cause.is::<TimeoutExpired>())
}

/// A transport's own words say little; what it ran into says why.
fn message_of(status: &Status) -> String {
    let mut message = status.message().to_owned();
    for cause in causes_of(status).map(|cause| cause.to_string()) {
        if !message.contains(&cause) {
            message += &format!(": {cause}");
        }
    }
    message
}

fn causes_of(status: &Status) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    successors(status.source(), |&cause| cause.source())
}

/// Of a task that failed: never OK.
fn error_code(code: i32) -> Code {
    match Code::from_i32(code) {
        Code::Ok => Code::Unknown,
        code => code,
    }
}

fn name_of(code: Code) -> &'static str {
    rpc::Code::try_from(code as i32).map_or("UNKNOWN", |code| code.as_str_name())
}

fn violation(field: String, description: String) -> FieldViolation {
    FieldViolation { field, description }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (code, reason) = (self.code_name(), self.reason());
        match code == reason {
            true => write!(f, "{code}: {}", self.0.message),
            false => write!(f, "{code} ({reason}): {}", self.0.message),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("code", &self.code_name())
            .field("reason", &self.0.reason)
            .field("message", &self.0.message)
            .field("task_id", &self.0.task_id)
            .field("retry_after", &self.0.retry_after)
            .field("field_violations", &self.0.field_violations)
            .field("source", &self.source())
            .finish()
    }
}

impl StdError for Error {
    /// What the transport ran into.
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.status.as_ref().and_then(StdError::source)
    }
}
