//! The client: what is done often, in a line each; everything else through the generated clients.
use std::fmt;
use std::future::Future;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use crate::abandon::{Abandon, Guard};
use crate::connect::{Builder, Headers, Transport};
use crate::error::Error;
use crate::scope::{Retry, Scope};
use crate::stream::{Opening, Source, TurnStream, replies_of};
use crate::turn::{Turn, TurnResult};
use crate::v1::agent_service_client::AgentServiceClient;
use crate::v1::cancel_task_request::Target;
use crate::v1::operations_service_client::OperationsServiceClient;
use crate::v1::session_service_client::SessionServiceClient;
use crate::v1::task_service_client::TaskServiceClient;
use crate::v1::{
    CancelTaskRequest, DestroySessionRequest, ExecutionContext, ExportSessionRequest,
    GetSessionRequest, GetSessionResponse, GetTaskRequest, ImportSessionRequest,
    ListDeadLettersRequest, ListDeadLettersResponse, ListTasksRequest, ListTasksResponse,
    PurgeDeadLettersRequest, RedriveTasksRequest, RedriveTasksResponse, SubmitTaskResponse, Task,
    WatchTaskRequest,
};

/// A connection to a server. Clones share it.
#[derive(Clone)]
pub struct Client {
    channel: Channel,
    headers: Headers,
    deadline: Option<Duration>,
    retry: Retry,
    runtime: Handle,
    under_way: TaskTracker,
}

/// A generated method as a function of its request.
macro_rules! call {
    ($client:ident.$service:ident().$method:ident) => {
        |request| {
            let mut service = $client.$service();
            async move { service.$method(request).await }
        }
    };
}

macro_rules! generated {
    ($Client:ident, $client:expr) => {
        // The server's limit decides.
        $Client::with_interceptor($client.channel.clone(), $client.headers.clone())
            .max_decoding_message_size(usize::MAX)
    };
}

impl Client {
    /// `url`: `http://host:port` (cleartext) or `https://…`. Inside of a Tokio runtime; connects with
    /// the first call.
    pub fn connect(url: impl Into<String>) -> Result<Self, Error> {
        Self::builder(url).connect()
    }

    /// The same, with options.
    pub fn builder(url: impl Into<String>) -> Builder {
        Builder::new(url.into())
    }

    pub(crate) fn new(
        channel: Channel,
        headers: Headers,
        deadline: Option<Duration>,
        retry: Retry,
        runtime: Handle,
    ) -> Self {
        Self {
            channel,
            headers,
            deadline,
            retry,
            runtime,
            under_way: TaskTracker::new(),
        }
    }

    /// The same connection with another limit on each operation, reconnects included. It is the
    /// task's deadline too.
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        let deadline = Some(deadline);
        Self {
            deadline,
            ..self.clone()
        }
    }

    /// The same connection with one more header.
    pub fn with_header(&self, name: &str, value: &str) -> Result<Self, Error> {
        let headers = self.headers.with(name, value)?;
        Ok(Self {
            headers,
            ..self.clone()
        })
    }

    /// Runs a turn and answers with its result; a task that failed is an error. To drop the future is
    /// to give up: that cancels the task, in the background.
    pub async fn execute(&self, turn: Turn) -> Result<TurnResult, Error> {
        let request = turn.into_request();
        let guard = Guard::new(self.abandon(&request.idempotency_key));
        let answer = self.repeat(request, call!(self.agents().execute)).await;
        guard.disarm();
        let answer = answer?;
        let state = answer.state();
        Ok(TurnResult::new(answer.task_id, state, answer.result))
    }

    /// Runs a turn and streams its events, from the first to the terminal one.
    pub fn stream(&self, turn: Turn) -> TurnStream {
        let request = turn.into_stream_request();
        let abandon = self.abandon(&request.idempotency_key);
        let scope = self.scope(self.retry.clone());
        let (client, calls) = (self.clone(), scope.clone());
        let open = move |task_id: &str, after_sequence: u32| -> Opening {
            if !task_id.is_empty() {
                return client.open_watch(&calls, task_id, after_sequence);
            }
            let mut agents = client.agents();
            let request = calls.request(request.clone());
            Box::pin(async move {
                let replies = agents.stream_execute(request?).await?;
                Ok(replies_of(replies.into_inner()))
            })
        };
        let source = Source {
            open: Box::new(open),
            leave: Some(Box::new(move |task_id| abandon.begin(task_id))),
            reports_failure: true,
        };
        TurnStream::new(source, scope, String::new(), 0)
    }

    /// Follows a task. Leaving it cancels nothing, and a task that fails is no error.
    pub fn watch(&self, task_id: impl Into<String>) -> TurnStream {
        self.watch_after(task_id, 0)
    }

    /// Follows a task from the event after a sequence.
    pub fn watch_after(&self, task_id: impl Into<String>, sequence: u32) -> TurnStream {
        let scope = self.scope(self.retry.clone());
        let (client, calls) = (self.clone(), scope.clone());
        let source = Source {
            open: Box::new(move |task_id, after| client.open_watch(&calls, task_id, after)),
            leave: None,
            reports_failure: false,
        };
        TurnStream::new(source, scope, task_id.into(), sequence)
    }

    /// Runs a turn in the background.
    pub async fn submit(&self, turn: Turn) -> Result<SubmitTaskResponse, Error> {
        let request = turn.into_submit_request();
        self.repeat(request, call!(self.tasks().submit_task)).await
    }

    /// Idempotent; a task that has ended stays as it is.
    pub async fn cancel(&self, task_id: impl Into<String>) -> Result<Task, Error> {
        self.cancel_target(Target::TaskId(task_id.into())).await
    }

    /// By the key it was submitted with.
    pub async fn cancel_by_key(&self, idempotency_key: impl Into<String>) -> Result<Task, Error> {
        self.cancel_target(Target::IdempotencyKey(idempotency_key.into()))
            .await
    }

    async fn cancel_target(&self, target: Target) -> Result<Task, Error> {
        let request = CancelTaskRequest {
            target: Some(target),
            reason: String::new(),
        };
        let answer = self
            .repeat(request, call!(self.tasks().cancel_task))
            .await?;
        present(answer.task)
    }

    pub async fn get_task(&self, task_id: impl Into<String>) -> Result<Task, Error> {
        let task_id = task_id.into();
        let request = GetTaskRequest { task_id };
        let answer = self.repeat(request, call!(self.tasks().get_task)).await?;
        present(answer.task)
    }

    /// A page, newest first.
    pub async fn list_tasks(&self, filter: ListTasksRequest) -> Result<ListTasksResponse, Error> {
        self.repeat(filter, call!(self.tasks().list_tasks)).await
    }

    pub async fn get_session(
        &self,
        agent_id: impl Into<String>,
        session_id: impl Into<String>,
    ) -> Result<GetSessionResponse, Error> {
        let request = GetSessionRequest {
            agent_id: agent_id.into(),
            session_id: session_id.into(),
        };
        self.repeat(request, call!(self.sessions().get_session))
            .await
    }

    /// True when there was something to destroy.
    pub async fn destroy_session(
        &self,
        agent_id: impl Into<String>,
        session_id: impl Into<String>,
    ) -> Result<bool, Error> {
        let request = DestroySessionRequest {
            agent_id: agent_id.into(),
            session_id: session_id.into(),
        };
        let answer = self
            .repeat(request, call!(self.sessions().destroy_session))
            .await?;
        Ok(answer.destroyed)
    }

    /// As one value, for a backup or another installation.
    pub async fn export_session(
        &self,
        agent_id: impl Into<String>,
        session_id: impl Into<String>,
    ) -> Result<ExecutionContext, Error> {
        let request = ExportSessionRequest {
            agent_id: agent_id.into(),
            session_id: session_id.into(),
        };
        let answer = self
            .repeat(request, call!(self.sessions().export_session))
            .await?;
        present(answer.context)
    }

    /// Answers with the session's version. Not repeated after a broken connection: a session that
    /// exists by then may be this one.
    pub async fn import_session(
        &self,
        context: ExecutionContext,
        overwrite: bool,
    ) -> Result<u64, Error> {
        let context = Some(context);
        let request = ImportSessionRequest { context, overwrite };
        let answer = self
            .once(request, call!(self.sessions().import_session))
            .await?;
        Ok(answer.version)
    }

    /// A page, newest first.
    pub async fn list_dead_letters(
        &self,
        filter: ListDeadLettersRequest,
    ) -> Result<ListDeadLettersResponse, Error> {
        self.repeat(filter, call!(self.tasks().list_dead_letters))
            .await
    }

    /// Not repeated after a broken connection: a task may have failed anew by then.
    pub async fn redrive(
        &self,
        task_ids: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<RedriveTasksResponse, Error> {
        let task_ids = task_ids.into_iter().map(Into::into).collect();
        let request = RedriveTasksRequest { task_ids };
        self.once(request, call!(self.tasks().redrive_tasks)).await
    }

    /// Answers with how many are gone.
    pub async fn purge_dead_letters(&self, filter: PurgeDeadLettersRequest) -> Result<u32, Error> {
        let answer = self
            .once(filter, call!(self.tasks().purge_dead_letters))
            .await?;
        Ok(answer.purged_count)
    }

    /// Waits until the server was told of every turn that was left, 2 s at most. A program that ends
    /// without may leave such turns running. The connection closes with the last clone.
    pub async fn close(self) {
        self.under_way.close();
        self.under_way.wait().await;
    }

    /// The generated client.
    pub fn agents(&self) -> AgentServiceClient<Transport> {
        generated!(AgentServiceClient, self)
    }

    /// The generated client.
    pub fn tasks(&self) -> TaskServiceClient<Transport> {
        generated!(TaskServiceClient, self)
    }

    /// The generated client.
    pub fn sessions(&self) -> SessionServiceClient<Transport> {
        generated!(SessionServiceClient, self)
    }

    /// The generated client.
    pub fn operations(&self) -> OperationsServiceClient<Transport> {
        generated!(OperationsServiceClient, self)
    }

    fn open_watch(&self, scope: &Scope, task_id: &str, after_sequence: u32) -> Opening {
        let task_id = task_id.to_owned();
        let request = scope.request(WatchTaskRequest {
            task_id,
            after_sequence,
        });
        let mut tasks = self.tasks();
        Box::pin(async move {
            let replies = tasks.watch_task(request?).await?;
            Ok(replies_of(replies.into_inner()))
        })
    }

    fn abandon(&self, idempotency_key: &str) -> Abandon {
        Abandon {
            tasks: self.tasks(),
            idempotency_key: idempotency_key.to_owned(),
            runtime: self.runtime.clone(),
            under_way: self.under_way.clone(),
        }
    }

    fn scope(&self, retry: Retry) -> Scope {
        Scope::new(self.deadline, retry)
    }

    async fn repeat<M, T, F>(&self, message: M, call: impl Fn(Request<M>) -> F) -> Result<T, Error>
    where
        M: Clone,
        F: Future<Output = Result<Response<T>, Status>>,
    {
        self.scope(self.retry.clone()).repeat(message, call).await
    }

    async fn once<M, T, F>(&self, message: M, call: impl Fn(Request<M>) -> F) -> Result<T, Error>
    where
        M: Clone,
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let retry = Retry {
            max_tries: 1,
            ..Retry::default()
        };
        self.scope(retry).repeat(message, call).await
    }
}

/// Without the headers: they hold the key.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("deadline", &self.deadline)
            .field("retry", &self.retry)
            .finish_non_exhaustive()
    }
}

fn present<T>(value: Option<T>) -> Result<T, Error> {
    value.ok_or_else(|| Error::new(tonic::Code::Internal, "the answer is empty"))
}
