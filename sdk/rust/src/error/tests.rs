use super::*;
use crate::fakes::{any, refusal, with_details};

#[test]
fn the_details_are_decoded() {
    let field_violations = vec![rpc::bad_request::FieldViolation {
        field: "agent_id".to_owned(),
        description: "is empty".to_owned(),
        ..Default::default()
    }];
    let bad = rpc::BadRequest { field_violations };
    let details = vec![any("google.rpc.BadRequest", &bad)];
    let error = Error::from(with_details(Code::InvalidArgument, details));
    let expected = violation("agent_id".to_owned(), "is empty".to_owned());
    assert_eq!(error.field_violations(), [expected]);
    assert_eq!(error.code_name(), "INVALID_ARGUMENT");

    let error = Error::from(refusal(Code::ResourceExhausted, "QUEUE_FULL", "t", 1500));
    assert_eq!(error.reason(), "QUEUE_FULL");
    assert_eq!(error.task_id(), Some("t"));
    assert_eq!(error.retry_after(), Some(Duration::from_millis(1500)));
    assert!(error.retryable());
    assert_eq!(
        error.to_string(),
        "RESOURCE_EXHAUSTED (QUEUE_FULL): refused"
    );
}

#[test]
fn details_that_cannot_be_read_are_none() {
    let status = Status::with_details(Code::NotFound, "gone", vec![0xff; 9].into());
    let error = Error::from(status);
    assert_eq!(
        (error.code(), error.reason()),
        (Code::NotFound, "NOT_FOUND")
    );
}

/// An error without an ErrorInfo is not this server's: the connection broke.
#[test]
fn what_may_be_sent_again() {
    let may = |status: Status| Error::from(status).may_resend();
    assert!(may(Status::unknown("reset")));
    assert!(may(Status::internal("reset")));
    assert!(may(Status::aborted("reset")));
    assert!(may(Status::cancelled("reset")));
    assert!(may(Status::unavailable("reset")));
    assert!(!may(Status::failed_precondition("no")));
    assert!(!may(Status::resource_exhausted("too large")));
    assert!(may(refusal(Code::Unavailable, "STORE_AWAY", "", 0)));
    assert!(may(refusal(Code::ResourceExhausted, "QUEUE_FULL", "", 10)));
    assert!(!may(refusal(Code::ResourceExhausted, "QUEUE_FULL", "", 0)));
    assert!(!may(refusal(Code::Internal, "AGENT_ERROR", "", 0)));
    assert!(!may(refusal(Code::Cancelled, "CANCELED", "", 0)));
}

/// The server has run it, and tried it again as often as it was told to.
#[test]
fn a_tasks_own_failure_is_not_sent_again() {
    let may = |status: Status| Error::from(status).may_resend();
    assert!(!may(refusal(Code::Unavailable, "ECHO_FAILURE", "t", 10)));
    assert!(!may(refusal(
        Code::ResourceExhausted,
        "MODEL_BUSY",
        "t",
        10
    )));
    assert!(may(refusal(Code::Unavailable, "WATCH_ENDED", "t", 0)));
    assert!(may(refusal(Code::Unavailable, "WATCH_BROKEN", "t", 0)));
}

#[test]
fn a_task_says_why_it_failed() {
    let task_error = TaskError {
        code: Code::Unavailable as i32,
        reason: "MODEL_AWAY".to_owned(),
        message: "no answer".to_owned(),
        retryable: true,
        field_violations: [("input".to_owned(), "is no object".to_owned())].into(),
        ..Default::default()
    };
    let error = Error::of_task("t", Some(&task_error));
    assert_eq!(
        (error.code(), error.reason()),
        (Code::Unavailable, "MODEL_AWAY")
    );
    assert_eq!((error.task_id(), error.message()), (Some("t"), "no answer"));
    assert_eq!(error.field_violations().len(), 1);
    assert!(error.retryable());
    assert_eq!(Error::of_task("t", None).code(), Code::Unknown);
}
