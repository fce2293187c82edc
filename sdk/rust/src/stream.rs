//! A task's log as one stream, over as many connections as it takes.
use std::future::{Future, poll_fn};
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use prost_types::Timestamp;
use sync_wrapper::SyncWrapper;
use tokio::task::JoinHandle;
use tokio::time::{Sleep, sleep, sleep_until};
use tonic::{Code, Status, Streaming};

use crate::error::Error;
use crate::scope::Scope;
use crate::turn::TurnResult;
use crate::v1::task_event::Kind;
use crate::v1::{StreamExecuteResponse, TaskState, TaskStateChange, WatchTaskResponse};

#[cfg(test)]
mod tests;

/// An entry of a task's log.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Event {
    pub task_id: String,
    /// 0 before the first.
    pub attempt: u32,
    /// Dense from 1, each once; a merged event stands for the `merged_count` ones before it too.
    pub sequence: u32,
    pub merged_count: u32,
    /// A further attempt begins: what the ones before it said is void.
    pub restarted: bool,
    /// When the server recorded it.
    pub created_at: Option<Timestamp>,
    /// What happened; None for what this version does not know.
    pub kind: Option<Kind>,
}

impl Event {
    /// What it adds to the answer; "" for all but chunks.
    pub fn text(&self) -> &str {
        let Some(Kind::Chunk(chunk)) = &self.kind else {
            return "";
        };
        let delta = chunk
            .choices
            .first()
            .and_then(|choice| choice.delta.as_ref());
        delta.map_or("", |delta| delta.content())
    }
}

pub(crate) type Replies =
    Pin<Box<dyn Stream<Item = Result<WatchTaskResponse, Status>> + Send + 'static>>;
pub(crate) type Opening = Pin<Box<dyn Future<Output = Result<Replies, Error>> + Send + 'static>>;

/// After a sequence; the task's id is empty before the first event.
type Open = Box<dyn Fn(&str, u32) -> Opening + Send + Sync>;
/// The task's id as above.
type Leave = Box<dyn Fn(&str) -> JoinHandle<()> + Send + Sync>;

/// How a stream gets its events.
pub(crate) struct Source {
    pub(crate) open: Open,
    /// For a reader who stops before the end; None where that cancels nothing.
    pub(crate) leave: Option<Leave>,
    /// Whether the end of a task that failed is an error of the stream.
    pub(crate) reports_failure: bool,
}

enum Phase {
    /// Nothing was sent yet.
    Idle,
    Opening(Opening),
    Reading(Replies),
    Waiting(Pin<Box<Sleep>>),
    Over,
}

/// The events of a task, each once. Ends after the terminal one; `client.stream` raises the error of
/// a task that failed, `client.watch` does not. To drop it before is to stop reading: that cancels a
/// turn that `client.stream` runs, in the background.
#[must_use = "it does nothing until it is read"]
pub struct TurnStream {
    source: Source,
    scope: Scope,
    phase: SyncWrapper<Phase>,
    deadline: Option<Pin<Box<Sleep>>>,
    /// Connections since the last progress.
    tries: u32,
    task_id: String,
    text: String,
    attempt: u32,
    restart_count: u32,
    last_sequence: u32,
    end: Option<TaskStateChange>,
}

impl TurnStream {
    pub(crate) fn new(source: Source, scope: Scope, task_id: String, after_sequence: u32) -> Self {
        Self {
            source,
            scope,
            phase: SyncWrapper::new(Phase::Idle),
            deadline: None,
            tries: 0,
            task_id,
            text: String::new(),
            attempt: 0,
            restart_count: 0,
            last_sequence: after_sequence,
            end: None,
        }
    }

    /// The next event; as `StreamExt::next`. May be dropped and called again.
    pub async fn next(&mut self) -> Option<Result<Event, Error>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Reads what is left, and answers with the result.
    pub async fn finish(&mut self) -> Result<TurnResult, Error> {
        while let Some(event) = self.next().await {
            event?;
        }
        match &self.end {
            None => Err(
                Error::new(Code::Cancelled, "the stream ended without a result").of(&self.task_id),
            ),
            Some(end) => match self.failure() {
                Some(error) => Err(error),
                None => {
                    let result = end.result.clone();
                    Ok(TurnResult::new(self.task_id.clone(), end.state(), result))
                }
            },
        }
    }

    /// Stops reading, and waits until the server was told: 2 s at most.
    pub async fn cancel(mut self) {
        if let Some(telling) = self.leave() {
            // Its failure is that the runtime ends.
            let _ = telling.await;
        }
    }

    /// Empty before the first event.
    pub fn task_id(&self) -> &str {
        &self.task_id
    }

    /// The answer so far, of the current attempt.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The terminal state, once it is known.
    pub fn state(&self) -> Option<TaskState> {
        self.end.as_ref().map(TaskStateChange::state)
    }

    pub fn restart_count(&self) -> u32 {
        self.restart_count
    }

    /// Of the last event; a watch can go on after it.
    pub fn last_sequence(&self) -> u32 {
        self.last_sequence
    }

    fn connect(&mut self) {
        self.tries += 1;
        let opening = (self.source.open)(&self.task_id, self.last_sequence);
        *self.phase.get_mut() = Phase::Opening(opening);
    }

    /// Until the next event, or until the connection is no more.
    fn poll_connection(&mut self, context: &mut Context<'_>) -> Poll<Result<Event, Error>> {
        loop {
            match self.phase.get_mut() {
                Phase::Idle => self.connect(),
                Phase::Waiting(delay) => {
                    ready!(delay.as_mut().poll(context));
                    self.connect();
                }
                Phase::Opening(opening) => {
                    let replies = ready!(opening.as_mut().poll(context))?;
                    *self.phase.get_mut() = Phase::Reading(replies);
                }
                Phase::Reading(replies) => match ready!(replies.as_mut().poll_next(context)) {
                    Some(reply) => {
                        if let Some(event) = self.take(reply?) {
                            return Poll::Ready(Ok(event));
                        }
                    }
                    None => {
                        return Poll::Ready(Err(Error::new(
                            Code::Unavailable,
                            "the stream ended early",
                        )));
                    }
                },
                Phase::Over => {
                    return Poll::Ready(Err(Error::new(Code::Cancelled, "the stream is over")));
                }
            }
        }
    }

    fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        let timer = self.deadline.as_mut();
        timer.is_some_and(|timer| timer.as_mut().poll(context).is_ready())
    }

    /// After a connection: there will be another one, or it was the last.
    fn settle(&mut self, error: Error) -> ControlFlow<Option<Result<Event, Error>>> {
        if self.end.is_none()
            && let Some(delay) = self.scope.delay(self.tries.max(1), &error)
        {
            *self.phase.get_mut() = Phase::Waiting(Box::pin(sleep(delay)));
            return ControlFlow::Continue(());
        }
        *self.phase.get_mut() = Phase::Over;
        if self.end.is_none() {
            return ControlFlow::Break(Some(Err(error.of(&self.task_id))));
        }
        let failure = self.failure().filter(|_| self.source.reports_failure);
        ControlFlow::Break(failure.map(Err))
    }

    /// None for what was seen before.
    fn take(&mut self, reply: WatchTaskResponse) -> Option<Event> {
        let event = reply
            .event
            .filter(|_| reply.sequence > self.last_sequence)?;
        let event = Event {
            restarted: self.attempt > 0 && reply.attempt > self.attempt,
            task_id: reply.task_id,
            attempt: reply.attempt,
            sequence: reply.sequence,
            merged_count: reply.merged_count,
            created_at: event.created_at,
            kind: event.kind,
        };
        if event.restarted {
            self.restart_count += 1;
            self.text.clear();
        }
        self.text += event.text();
        self.task_id.clone_from(&event.task_id);
        self.attempt = self.attempt.max(event.attempt);
        self.last_sequence = event.sequence;
        self.end = match &event.kind {
            Some(Kind::StateChange(change)) if is_terminal(change.state()) => Some(change.clone()),
            _ => None,
        };
        self.tries = 0;
        Some(event)
    }

    fn failure(&self) -> Option<Error> {
        let end = self.end.as_ref()?;
        let failed = matches!(end.state(), TaskState::Failed | TaskState::Canceled);
        failed.then(|| Error::of_task(&self.task_id, end.error.as_ref()))
    }

    /// The reader goes. Nobody need be told before anything was sent, and after the end.
    fn leave(&mut self) -> Option<JoinHandle<()>> {
        let phase = std::mem::replace(self.phase.get_mut(), Phase::Over);
        let is_settled = matches!(phase, Phase::Idle | Phase::Over) || self.end.is_some();
        let leave = self.source.leave.as_ref().filter(|_| !is_settled)?;
        Some(leave(&self.task_id))
    }
}

impl Stream for TurnStream {
    type Item = Result<Event, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            match this.phase.get_mut() {
                Phase::Over => return Poll::Ready(None),
                Phase::Idle => {
                    let timer = |ends_at| Box::pin(sleep_until(ends_at));
                    this.deadline = this.scope.ends_at().map(timer);
                }
                _ => {}
            }
            let error = if this.is_late(context) {
                Error::deadline_exceeded()
            } else {
                match ready!(this.poll_connection(context)) {
                    Ok(event) => return Poll::Ready(Some(Ok(event))),
                    Err(error) => error,
                }
            };
            if let ControlFlow::Break(item) = this.settle(error) {
                return Poll::Ready(item);
            }
        }
    }
}

impl Drop for TurnStream {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Both kinds of reply say the same.
pub(crate) fn replies_of<T>(streaming: Streaming<T>) -> Replies
where
    WatchTaskResponse: From<T>,
    T: Send + 'static,
{
    struct Same<T>(Streaming<T>);

    impl<T> Stream for Same<T>
    where
        WatchTaskResponse: From<T>,
    {
        type Item = Result<WatchTaskResponse, Status>;

        fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            let reply = Pin::new(&mut self.get_mut().0).poll_next(context);
            reply.map_ok(WatchTaskResponse::from)
        }
    }

    Box::pin(Same(streaming))
}

impl From<StreamExecuteResponse> for WatchTaskResponse {
    fn from(reply: StreamExecuteResponse) -> Self {
        Self {
            task_id: reply.task_id,
            attempt: reply.attempt,
            sequence: reply.sequence,
            merged_count: reply.merged_count,
            event: reply.event,
        }
    }
}

fn is_terminal(state: TaskState) -> bool {
    use TaskState::{Canceled, Completed, Failed, InputRequired};
    matches!(state, Completed | InputRequired | Failed | Canceled)
}
