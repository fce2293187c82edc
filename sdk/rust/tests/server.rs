//! Against a server whose address, and what belongs to it, is in the environment.
#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used)]
use std::env;
use std::time::Duration;

use agentlane::v1::{ListTasksRequest, PurgeDeadLettersRequest};
use agentlane::{Builder, Client, Code, Error, Retry, Turn};

fn file(name: &str) -> Vec<u8> {
    std::fs::read(env::var(name).unwrap()).unwrap()
}

fn secure() -> Builder {
    Client::builder(env::var("AGENTLANE_TLS_URL").unwrap()).ca_certificate(file("AGENTLANE_TLS_CA"))
}

fn once() -> Retry {
    Retry {
        max_tries: 1,
        ..Retry::default()
    }
}

async fn refusal(client: &Client) -> Error {
    client
        .execute(Turn::new("echo").text("hello"))
        .await
        .unwrap_err()
}

#[tokio::test]
#[ignore = "needs a server with TLS"]
async fn tls_with_a_clients_certificate() {
    let (cert, key) = (file("AGENTLANE_TLS_CERT"), file("AGENTLANE_TLS_KEY"));
    let client = secure().client_certificate(cert, key).connect().unwrap();
    let answer = client
        .execute(Turn::new("echo").text("hello"))
        .await
        .unwrap();
    assert_eq!(answer.text, "hello");
    let stranger = secure().retry(once()).connect().unwrap();
    assert_eq!(refusal(&stranger).await.code(), Code::Unavailable);
    let url = env::var("AGENTLANE_TLS_URL").unwrap();
    let distrustful = Client::builder(url).retry(once()).connect().unwrap();
    assert!(
        refusal(&distrustful)
            .await
            .message()
            .contains("UnknownIssuer")
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let client = Client::builder("http://127.0.0.1:1")
        .retry(once())
        .connect()
        .unwrap();
    let error = refusal(&client).await;
    assert_eq!((error.code(), error.retryable()), (Code::Unavailable, true));
    assert_eq!(error.task_id(), None);
    assert!(error.message().contains("refused"), "{error}");
}

#[test]
fn a_stream_may_be_dropped_outside_of_the_runtime() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let begun = |client: &Client| {
        let mut stream = client.stream(Turn::new("echo").text("x"));
        runtime.block_on(async {
            let waited = tokio::time::timeout(Duration::from_millis(10), stream.next()).await;
            assert!(waited.is_err());
        });
        stream
    };
    let client = runtime.block_on(async { Client::connect("http://127.0.0.1:1").unwrap() });
    drop(begun(&client));
    let late = begun(&client);
    drop(runtime);
    drop(late);
}

#[tokio::test]
#[ignore = "needs a server"]
async fn sessions_move_and_what_is_purged_is_gone() {
    let client = Client::connect(env::var("AGENTLANE_URL").unwrap()).unwrap();
    client
        .execute(Turn::new("echo").session("r1").text("hello"))
        .await
        .unwrap();
    let exported = client.export_session("echo", "r1").await.unwrap();
    assert!(client.destroy_session("echo", "r1").await.unwrap());
    assert_eq!(
        client
            .import_session(exported.clone(), false)
            .await
            .unwrap(),
        1
    );
    let clash = client
        .import_session(exported.clone(), false)
        .await
        .unwrap_err();
    assert_eq!(clash.code(), Code::AlreadyExists);
    assert_eq!(client.import_session(exported, true).await.unwrap(), 1);

    let turn = Turn::new("echo").session("r2").text("x").max_attempts(1);
    let mut failing = client.stream(turn.configurable("failAttempts", 1));
    assert_eq!(failing.finish().await.unwrap_err().reason(), "ECHO_FAILURE");
    let session_id = "r2".to_owned();
    let filter = ListTasksRequest {
        session_id,
        ..Default::default()
    };
    assert_eq!(client.list_tasks(filter).await.unwrap().tasks.len(), 1);
    let task_ids = vec![failing.task_id().to_owned()];
    let filter = PurgeDeadLettersRequest {
        task_ids,
        ..Default::default()
    };
    assert_eq!(client.purge_dead_letters(filter).await.unwrap(), 1);
}

/// What a program leaves just before it ends is canceled all the same.
#[tokio::test]
#[ignore = "needs a server"]
async fn closing_waits_until_what_was_left_is_canceled() {
    let url = env::var("AGENTLANE_URL").unwrap();
    let slow = |key: &str| {
        let turn = Turn::new("echo").text("x").idempotency_key(key);
        turn.configurable("tokens", 10_000)
            .configurable("delayMs", 20)
    };
    let client = Client::connect(&url).unwrap();
    let mut stream = client.stream(slow("left-stream"));
    stream.next().await.unwrap().unwrap();
    let streamed = stream.task_id().to_owned();
    drop(stream);
    let given_up = tokio::time::timeout(
        Duration::from_millis(300),
        client.execute(slow("left-call")),
    );
    assert!(given_up.await.is_err());
    client.close().await;

    let client = Client::connect(&url).unwrap();
    let mut watch = client.watch(streamed);
    assert_eq!(watch.finish().await.unwrap_err().reason(), "CANCELED");
    let task = client.cancel_by_key("left-call").await.unwrap();
    assert_eq!(
        task.error.unwrap_or_default().message,
        "the caller went away"
    );
}
