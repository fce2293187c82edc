//! One operation of a caller, over as many calls as it takes.
use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};
use tonic::{Request, Response, Status};

use crate::error::Error;

#[cfg(test)]
mod tests;

/// Full jitter: a delay is uniform in [0, min(max_backoff, initial_backoff × multiplier^(n−1))].
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// Tries in a row without progress, the first included. Default 8: a restart of the server is waited for.
    pub max_tries: u32,
    /// Default 100 ms.
    pub initial_backoff: Duration,
    /// Default 2.
    pub multiplier: f64,
    /// Default 5 s.
    pub max_backoff: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max_tries: 8,
            initial_backoff: Duration::from_millis(100),
            multiplier: 2.0,
            max_backoff: Duration::from_secs(5),
        }
    }
}

/// The header holds hours up to eight digits.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 3600);

#[derive(Clone)]
pub(crate) struct Scope {
    retry: Retry,
    ends_at: Option<Instant>,
}

impl Scope {
    /// `deadline`: over all calls, from now.
    pub(crate) fn new(deadline: Option<Duration>, retry: Retry) -> Self {
        let ends_at = deadline.and_then(|deadline| Instant::now().checked_add(deadline));
        Self { retry, ends_at }
    }

    pub(crate) fn ends_at(&self) -> Option<Instant> {
        self.ends_at
    }

    /// For the next call. Fails when there is no time for one.
    pub(crate) fn request<M>(&self, message: M) -> Result<Request<M>, Error> {
        let mut request = Request::new(message);
        if let Some(ends_at) = self.ends_at {
            let left = ends_at.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Error::deadline_exceeded());
            }
            request.set_timeout(left.min(LONGEST_TIMEOUT));
        }
        Ok(request)
    }

    /// Until the next try; None when there is none to be made. `tries`: those made so far.
    pub(crate) fn delay(&self, tries: u32, error: &Error) -> Option<Duration> {
        let Retry {
            max_tries,
            initial_backoff,
            multiplier,
            max_backoff,
        } = self.retry;
        if !error.may_resend() || tries >= max_tries {
            return None;
        }
        let growth = multiplier.powf(f64::from(tries.saturating_sub(1)));
        let bound = (initial_backoff.as_secs_f64() * growth).min(max_backoff.as_secs_f64());
        let jitter = Duration::try_from_secs_f64(bound * fastrand::f64()).unwrap_or(max_backoff);
        let delay = error
            .retry_after()
            .unwrap_or_default()
            .saturating_add(jitter);
        let is_late = |ends_at: Instant| delay >= ends_at.saturating_duration_since(Instant::now());
        (!self.ends_at.is_some_and(is_late)).then_some(delay)
    }

    /// Repeats a call that changes nothing when it is repeated.
    pub(crate) async fn repeat<M, T, F>(
        &self,
        message: M,
        call: impl Fn(Request<M>) -> F,
    ) -> Result<T, Error>
    where
        M: Clone,
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let mut tries = 1;
        loop {
            let error = match self.once(message.clone(), &call).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let Some(delay) = self.delay(tries, &error) else {
                return Err(error);
            };
            sleep(delay).await;
            tries += 1;
        }
    }

    async fn once<M, T, F>(&self, message: M, call: impl Fn(Request<M>) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let call = call(self.request(message)?);
        let answer = match self.ends_at {
            None => call.await,
            Some(ends_at) => match timeout_at(ends_at, call).await {
                Ok(answer) => answer,
                Err(_) => return Err(Error::deadline_exceeded()),
            },
        };
        Ok(answer?.into_inner())
    }
}
