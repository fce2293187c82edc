//! What a server says, made up.
use prost::Message;
use prost_types::Any;
use tonic::{Code, Status};

use crate::rpc;

/// With an ErrorInfo, as all errors of this server have; `task_id` empty = none.
pub(crate) fn refusal(code: Code, reason: &str, task_id: &str, retry_ms: u64) -> Status {
    let task = Some(("task_id".to_owned(), task_id.to_owned()));
    let info = rpc::ErrorInfo {
        reason: reason.to_owned(),
        domain: String::new(),
        metadata: task.filter(|(_, id)| !id.is_empty()).into_iter().collect(),
    };
    let mut details = vec![any("google.rpc.ErrorInfo", &info)];
    if retry_ms > 0 {
        let delay = std::time::Duration::from_millis(retry_ms);
        let retry_delay = delay.try_into().ok();
        details.push(any("google.rpc.RetryInfo", &rpc::RetryInfo { retry_delay }));
    }
    with_details(code, details)
}

pub(crate) fn with_details(code: Code, details: Vec<Any>) -> Status {
    let status = rpc::Status {
        code: code as i32,
        message: "refused".to_owned(),
        details,
    };
    Status::with_details(code, "refused", status.encode_to_vec().into())
}

pub(crate) fn any(name: &str, message: &impl Message) -> Any {
    Any {
        type_url: format!("type.googleapis.com/{name}"),
        value: message.encode_to_vec(),
    }
}
