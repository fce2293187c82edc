use std::cell::{Cell, RefCell};

use tonic::Code;

use super::*;
use crate::fakes::refusal;

fn scope(deadline: Option<Duration>) -> Scope {
    Scope::new(
        deadline,
        Retry {
            max_tries: 3,
            ..Retry::default()
        },
    )
}

/// The error of a call that fails each time, and how often it was made.
async fn failing(scope: &Scope, status: impl Fn() -> Status) -> (Error, u32) {
    let count = Cell::new(0);
    let outcome = scope
        .repeat((), |_| {
            count.set(count.get() + 1);
            let status = status();
            async { Err::<Response<()>, _>(status) }
        })
        .await;
    (outcome.unwrap_err(), count.get())
}

#[tokio::test(start_paused = true)]
async fn the_same_request_is_sent_until_it_is_answered() {
    let sent = RefCell::new(Vec::new());
    let answer = scope(None)
        .repeat("key".to_owned(), |request| {
            sent.borrow_mut().push(request.into_inner());
            let done = sent.borrow().len() == 3;
            async move {
                if done {
                    Ok(Response::new(7))
                } else {
                    Err(Status::unknown("reset"))
                }
            }
        })
        .await;
    assert_eq!(answer.unwrap(), 7);
    assert_eq!(sent.into_inner(), ["key", "key", "key"]);
}

#[tokio::test(start_paused = true)]
async fn a_delay_that_the_server_names_is_waited_for() {
    let begun = Instant::now();
    let busy = || refusal(Code::ResourceExhausted, "QUEUE_FULL", "", 3000);
    let (error, count) = failing(&scope(None), busy).await;
    assert_eq!((error.reason(), count), ("QUEUE_FULL", 3));
    // Twice, and the jitter of 100 ms and 200 ms at most.
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_millis(6000) && waited < Duration::from_millis(6310));
}

#[tokio::test(start_paused = true)]
async fn backoff_grows_up_to_its_bound() {
    let retry = Retry {
        max_tries: 100,
        max_backoff: Duration::from_millis(400),
        ..Retry::default()
    };
    let scope = Scope::new(None, retry);
    let broken = Error::from(Status::unavailable("reset"));
    for (tries, bound_ms) in [(1, 100), (2, 200), (3, 400), (4, 400), (99, 400)] {
        for _ in 0..50 {
            assert!(scope.delay(tries, &broken).unwrap() <= Duration::from_millis(bound_ms));
        }
    }
    assert_eq!(scope.delay(100, &broken), None);
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_sent_again_is_sent_once() {
    let own_failure = || refusal(Code::Unavailable, "ECHO_FAILURE", "t", 10);
    assert_eq!(failing(&scope(None), own_failure).await.1, 1);
    let refused = || Status::failed_precondition("no");
    assert_eq!(failing(&scope(None), refused).await.1, 1);
    let once = Scope::new(
        None,
        Retry {
            max_tries: 1,
            ..Retry::default()
        },
    );
    let (error, count) = failing(&once, || Status::unknown("reset")).await;
    assert_eq!(
        (error.code(), error.retryable(), count),
        (Code::Unavailable, true, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_delay_that_the_deadline_leaves_no_time_for_is_not_waited_for() {
    let begun = Instant::now();
    let busy = || refusal(Code::ResourceExhausted, "QUEUE_FULL", "", 999);
    let (error, count) = failing(&scope(Some(Duration::from_millis(500))), busy).await;
    assert_eq!((error.code(), count), (Code::ResourceExhausted, 1));
    assert!(begun.elapsed().is_zero());
}

#[tokio::test(start_paused = true)]
async fn the_deadline_is_that_of_all_calls_together() {
    let begun = Instant::now();
    let scope = scope(Some(Duration::from_secs(1)));
    let calls = Cell::new(0);
    let outcome = scope
        .repeat((), |request| {
            calls.set(calls.get() + 1);
            assert!(request.metadata().contains_key("grpc-timeout"));
            let first = calls.get() == 1;
            async move {
                if !first {
                    std::future::pending::<()>().await;
                }
                sleep(Duration::from_millis(700)).await;
                Err::<Response<()>, _>(Status::unknown("reset"))
            }
        })
        .await;
    assert_eq!(outcome.unwrap_err().code(), Code::DeadlineExceeded);
    assert_eq!((calls.get(), begun.elapsed().as_millis()), (2, 1000));
    assert_eq!(scope.request(()).unwrap_err().reason(), "DEADLINE_EXCEEDED");
}

#[tokio::test(start_paused = true)]
async fn times_without_end_are_no_problem() {
    let endless = Retry {
        initial_backoff: Duration::MAX,
        multiplier: f64::INFINITY,
        max_backoff: Duration::MAX,
        ..Retry::default()
    };
    let busy = Error::from(refusal(
        Code::ResourceExhausted,
        "QUEUE_FULL",
        "",
        u64::MAX / 2,
    ));
    for deadline in [
        None,
        Some(Duration::MAX),
        Some(Duration::from_secs(1 << 40)),
    ] {
        let scope = Scope::new(deadline, endless.clone());
        assert!(scope.request(()).is_ok());
        scope.delay(1, &busy);
    }
    let scope = Scope::new(Some(Duration::from_secs(1)), endless);
    assert_eq!(scope.delay(1, &busy), None);
}
