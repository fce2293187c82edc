use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::*;
use crate::fakes::refusal;
use crate::scope::Retry;
use crate::v1::{
    ChatCompletionChoice, ChatCompletionChunk, ChatCompletionDelta, TaskError, TaskEvent,
};

type Reply = Result<WatchTaskResponse, Status>;

/// A connection: what it answers, and whether it stays open after that.
struct Connection(Vec<Reply>, bool);

/// Ends when all is said.
fn ending(replies: impl IntoIterator<Item = Reply>) -> Connection {
    Connection(replies.into_iter().collect(), false)
}

fn open_ended(replies: impl IntoIterator<Item = Reply>) -> Connection {
    Connection(replies.into_iter().collect(), true)
}

/// A server, and what it was told.
#[derive(Clone, Default)]
struct Server {
    connections: Arc<Mutex<VecDeque<Connection>>>,
    opened: Arc<Mutex<Vec<(String, u32)>>>,
    left: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn new(connections: impl IntoIterator<Item = Connection>) -> Self {
        let server = Self::default();
        server.connections.lock().unwrap().extend(connections);
        server
    }

    /// As `client.stream` does it.
    fn stream(&self, deadline: Option<Duration>) -> TurnStream {
        let left = self.left.clone();
        let leave = move |task_id: &str| {
            left.lock().unwrap().push(task_id.to_owned());
            TaskTracker::new().spawn(async {})
        };
        let source = Source {
            open: self.open(),
            leave: Some(Box::new(leave)),
            reports_failure: true,
        };
        let retry = Retry {
            max_tries: 3,
            ..Retry::default()
        };
        TurnStream::new(source, Scope::new(deadline, retry), String::new(), 0)
    }

    fn watch(&self, after_sequence: u32) -> TurnStream {
        let source = Source {
            open: self.open(),
            leave: None,
            reports_failure: false,
        };
        let scope = Scope::new(None, Retry::default());
        TurnStream::new(source, scope, "t".to_owned(), after_sequence)
    }

    /// Further connections cannot be made.
    fn open(&self) -> Open {
        let server = self.clone();
        Box::new(move |task_id, after_sequence| {
            let position = (task_id.to_owned(), after_sequence);
            server.opened.lock().unwrap().push(position);
            let connection = server.connections.lock().unwrap().pop_front();
            Box::pin(async move {
                let connection = connection.ok_or_else(|| Status::unavailable("refused"))?;
                Ok(Box::pin(connection) as Replies)
            })
        })
    }

    fn opened(&self) -> Vec<(String, u32)> {
        self.opened.lock().unwrap().clone()
    }

    fn left(&self) -> Vec<String> {
        self.left.lock().unwrap().clone()
    }
}

impl Stream for Connection {
    type Item = Reply;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Reply>> {
        match self.0.is_empty() {
            false => Poll::Ready(Some(self.0.remove(0))),
            true if self.1 => Poll::Pending,
            true => Poll::Ready(None),
        }
    }
}

fn reply(attempt: u32, sequence: u32, merged_count: u32, kind: Kind) -> Reply {
    let event = TaskEvent {
        created_at: None,
        kind: Some(kind),
    };
    Ok(WatchTaskResponse {
        task_id: "t".to_owned(),
        attempt,
        sequence,
        merged_count,
        event: Some(event),
    })
}

fn change(attempt: u32, sequence: u32, state: TaskState) -> Reply {
    let change = TaskStateChange {
        state: state.into(),
        ..Default::default()
    };
    reply(attempt, sequence, 0, Kind::StateChange(change))
}

fn failed(attempt: u32, sequence: u32) -> Reply {
    let error = TaskError {
        code: Code::Unavailable as i32,
        reason: "ECHO_FAILURE".to_owned(),
        ..Default::default()
    };
    let change = TaskStateChange {
        state: TaskState::Failed.into(),
        error: Some(error),
        ..Default::default()
    };
    reply(attempt, sequence, 0, Kind::StateChange(change))
}

fn merged(attempt: u32, sequence: u32, merged_count: u32, text: &str) -> Reply {
    let delta = ChatCompletionDelta {
        content: Some(text.to_owned()),
        ..Default::default()
    };
    let choice = ChatCompletionChoice {
        delta: Some(delta),
        ..Default::default()
    };
    let chunk = ChatCompletionChunk {
        choices: vec![choice],
        ..Default::default()
    };
    reply(attempt, sequence, merged_count, Kind::Chunk(chunk))
}

fn text(attempt: u32, sequence: u32, text: &str) -> Reply {
    merged(attempt, sequence, 0, text)
}

fn cut() -> Reply {
    Err(Status::unknown("reset"))
}

/// What was yielded, and the error that ended it.
async fn read(stream: &mut TurnStream) -> (Vec<u32>, Option<Error>) {
    let mut sequences = Vec::new();
    while let Some(event) = stream.next().await {
        match event {
            Ok(event) => sequences.push(event.sequence),
            Err(error) => {
                assert!(stream.next().await.is_none());
                return (sequences, Some(error));
            }
        }
    }
    (sequences, None)
}

#[tokio::test(start_paused = true)]
async fn an_event_is_yielded_once_whatever_is_sent_twice() {
    let server = Server::new([
        ending([
            change(1, 1, TaskState::Running),
            text(1, 2, "a"),
            merged(1, 5, 2, "bcd"),
            cut(),
        ]),
        ending([
            merged(1, 5, 2, "bcd"),
            text(1, 4, "c"),
            text(1, 6, "e"),
            cut(),
        ]),
        ending([text(1, 6, "e"), change(1, 7, TaskState::Completed)]),
    ]);
    let mut stream = server.stream(None);
    let (sequences, error) = read(&mut stream).await;
    assert_eq!((sequences, error.is_none()), (vec![1, 2, 5, 6, 7], true));
    assert_eq!(stream.text(), "abcde");
    assert_eq!(stream.state(), Some(TaskState::Completed));
    let after = |sequence| ("t".to_owned(), sequence);
    assert_eq!(server.opened(), [(String::new(), 0), after(5), after(6)]);
    drop(stream);
    assert!(server.left().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_output_of_a_failed_attempt_is_discarded() {
    let server = Server::new([
        ending([change(1, 1, TaskState::Running), text(1, 2, "half"), cut()]),
        ending([
            change(1, 3, TaskState::RetryWait),
            change(2, 4, TaskState::Running),
            text(2, 5, "whole"),
            change(2, 6, TaskState::Completed),
        ]),
    ]);
    let mut stream = server.stream(None);
    let mut restarted = Vec::new();
    while let Some(event) = stream.next().await {
        let event = event.unwrap();
        if event.restarted {
            restarted.push(event.sequence);
            assert_eq!(stream.text(), "");
        }
    }
    assert_eq!((restarted, stream.restart_count()), (vec![4], 1));
    assert_eq!(stream.text(), "whole");
    assert_eq!(stream.finish().await.unwrap().task_id, "t");
}

#[tokio::test(start_paused = true)]
async fn a_watch_from_the_middle_begins_with_no_restart() {
    let server = Server::new([ending([
        text(3, 11, "x"),
        change(3, 12, TaskState::Completed),
    ])]);
    let mut stream = server.watch(10);
    assert_eq!(read(&mut stream).await.0, [11, 12]);
    assert_eq!((stream.restart_count(), stream.last_sequence()), (0, 12));
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_the_streams_but_not_the_watchs() {
    let events = || ending([change(1, 1, TaskState::Running), failed(1, 2)]);
    let server = Server::new([events(), events()]);
    let mut stream = server.stream(None);
    let (sequences, error) = read(&mut stream).await;
    assert_eq!(sequences, [1, 2]);
    let error = error.unwrap();
    assert_eq!(
        (error.reason(), error.task_id()),
        ("ECHO_FAILURE", Some("t"))
    );
    let mut watch = server.watch(0);
    assert!(read(&mut watch).await.1.is_none());
    assert_eq!(watch.state(), Some(TaskState::Failed));
    assert_eq!(watch.finish().await.unwrap_err().reason(), "ECHO_FAILURE");
    // Neither was begun anew.
    assert_eq!(server.opened().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_tasks_own_failure_is_not_sent_again() {
    let own = || Err(refusal(Code::Unavailable, "ECHO_FAILURE", "t", 10));
    let server = Server::new([ending([own()]), ending([])]);
    let (_, error) = read(&mut server.stream(None)).await;
    assert_eq!(error.unwrap().reason(), "ECHO_FAILURE");
    assert_eq!(server.opened().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_end_without_a_terminal_event_is_a_broken_connection() {
    let server = Server::new([
        ending([change(1, 1, TaskState::Running)]),
        // Redriven: what looked like the end was none.
        ending([failed(1, 2), change(1, 3, TaskState::Queued)]),
        ending([
            change(2, 4, TaskState::Running),
            change(2, 5, TaskState::Completed),
            cut(),
        ]),
    ]);
    let mut stream = server.stream(None);
    let (sequences, error) = read(&mut stream).await;
    assert_eq!((sequences, error.is_none()), (vec![1, 2, 3, 4, 5], true));
}

#[tokio::test(start_paused = true)]
async fn progress_starts_the_count_of_tries_again() {
    let progress = (1..=9).map(|sequence| ending([text(1, sequence, "."), cut()]));
    let server = Server::new(progress);
    let mut stream = server.stream(None);
    let (sequences, error) = read(&mut stream).await;
    assert_eq!(sequences, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let error = error.unwrap();
    assert_eq!(
        (error.code(), error.task_id()),
        (Code::Unavailable, Some("t"))
    );
    // Then three that could not be made; the task goes on, and can be watched.
    assert_eq!(server.opened().len(), 9 + 3);
    drop(stream);
    assert!(server.left().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_delay_that_the_server_names_is_waited_for() {
    let begun = Instant::now();
    let busy = Err(refusal(Code::ResourceExhausted, "QUEUE_FULL", "", 3000));
    let server = Server::new([ending([busy]), ending([change(1, 1, TaskState::Completed)])]);
    assert_eq!(read(&mut server.stream(None)).await.0, [1]);
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_secs(3) && waited < Duration::from_millis(3110));
}

#[tokio::test(start_paused = true)]
async fn a_reader_who_stops_cancels_the_task() {
    let events = || open_ended([change(1, 1, TaskState::Running)]);
    let server = Server::new([events(), events(), open_ended([])]);
    let mut stream = server.stream(None);
    stream.next().await.unwrap().unwrap();
    drop(stream);
    let mut stream = server.stream(None);
    stream.next().await.unwrap().unwrap();
    stream.cancel().await;
    // Given up before there was an event: the task is known by its key only.
    let mut stream = server.stream(None);
    let given_up = tokio::time::timeout(Duration::from_secs(1), stream.next()).await;
    assert!(given_up.is_err());
    drop(stream);
    assert_eq!(server.left(), ["t", "t", ""]);
}

#[tokio::test(start_paused = true)]
async fn a_reader_who_stops_between_two_connections_cancels_the_task() {
    let server = Server::new([ending([text(1, 1, "."), cut()])]);
    let mut stream = server.stream(None);
    stream.next().await.unwrap().unwrap();
    let waiting = poll_fn(|context| Poll::Ready(Pin::new(&mut stream).poll_next(context))).await;
    assert!(waiting.is_pending());
    drop(stream);
    assert_eq!(server.left(), ["t"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_canceled_that_has_not_begun_or_has_ended() {
    let server = Server::new([open_ended([change(1, 1, TaskState::Completed)])]);
    drop(server.stream(None));
    let mut stream = server.stream(None);
    stream.next().await.unwrap().unwrap();
    drop(stream);
    drop(server.watch(0));
    assert!(server.left().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_deadline_is_that_of_all_connections_together() {
    let begun = Instant::now();
    let server = Server::new([
        ending([text(1, 1, "."), cut()]),
        open_ended([text(1, 2, ".")]),
    ]);
    let mut stream = server.stream(Some(Duration::from_secs(2)));
    let (sequences, error) = read(&mut stream).await;
    let error = error.unwrap();
    assert_eq!(sequences, [1, 2]);
    assert_eq!(
        (error.code(), error.task_id()),
        (Code::DeadlineExceeded, Some("t"))
    );
    assert_eq!(begun.elapsed().as_millis(), 2000);
    // The task has the same deadline.
    drop(stream);
    assert!(server.left().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_deadline_holds_before_the_first_event() {
    let server = Server::new([open_ended([])]);
    let mut stream = server.stream(Some(Duration::from_secs(2)));
    let (sequences, error) = read(&mut stream).await;
    assert!(sequences.is_empty());
    assert_eq!(error.unwrap().code(), Code::DeadlineExceeded);
}

#[test]
fn a_stream_can_be_shared_and_sent() {
    fn assert_bounds<T: Send + Sync + Unpin>() {}
    assert_bounds::<TurnStream>();
    assert_bounds::<crate::Client>();
}
