//! Telling the server that nobody waits for a turn any more.
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::task::TaskTracker;
use tonic::Code;

use crate::connect::Transport;
use crate::error::Error;
use crate::v1::CancelTaskRequest;
use crate::v1::cancel_task_request::Target;
use crate::v1::task_service_client::TaskServiceClient;

/// Bound on all tries together.
const LIMIT: Duration = Duration::from_secs(2);

/// One turn of a client.
pub(crate) struct Abandon {
    pub(crate) tasks: TaskServiceClient<Transport>,
    pub(crate) idempotency_key: String,
    pub(crate) runtime: Handle,
    pub(crate) under_way: TaskTracker,
}

impl Abandon {
    /// In the background, so that it can be begun where nothing can be awaited. Best effort.
    /// `task_id`: empty when it is not known yet.
    pub(crate) fn begin(&self, task_id: &str) -> JoinHandle<()> {
        let target = match task_id {
            "" => Target::IdempotencyKey(self.idempotency_key.clone()),
            id => Target::TaskId(id.to_owned()),
        };
        let telling = tell(self.tasks.clone(), target);
        // The timer is made in the runtime: whoever begins may be outside of it.
        let bounded = async { timeout(LIMIT, telling).await.unwrap_or_default() };
        self.under_way.spawn_on(bounded, &self.runtime)
    }
}

/// A submit that is still under way is not found at first.
async fn tell(mut tasks: TaskServiceClient<Transport>, target: Target) {
    let request = CancelTaskRequest {
        target: Some(target),
        reason: "the caller went away".to_owned(),
    };
    let mut delay = Duration::from_millis(100);
    while let Err(status) = tasks.cancel_task(request.clone()).await {
        if !matches!(
            Error::from(status).code(),
            Code::NotFound | Code::Unavailable
        ) {
            return;
        }
        sleep(delay).await;
        delay *= 2;
    }
}

/// Begins when it is dropped before the turn has ended.
pub(crate) struct Guard(Option<Abandon>);

impl Guard {
    pub(crate) fn new(abandon: Abandon) -> Self {
        Self(Some(abandon))
    }

    pub(crate) fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(abandon) = &self.0 {
            abandon.begin("");
        }
    }
}
